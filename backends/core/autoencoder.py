"""What families with diffusers' AutoencoderKL share: how it reads a picture, and decodes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class KLAutoencoder:
    """For families to inherit from: the part of contract.Family that is about the VAE."""

    def read_picture(self, vae: Any, image: Tensor) -> tuple[Tensor, Tensor]:
        posterior = vae.encode(image).latent_dist
        return posterior.mean, posterior.std

    def decoder(self, vae: Any) -> Any:
        return vae
