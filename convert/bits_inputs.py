"""What bits are chosen by: a network's inputs while prompts become a small picture, an example a row."""

from __future__ import annotations

import torch
from torch import Tensor

from backends.core.model_folder import ModelFolder
from convert.coreml_networks import halvings
from convert.verify_inputs import record

LATENTS = 16
"""Latents a side, at most: how much a layer matters shows in a small picture too, and there are hundreds."""


def examples(folder: ModelFolder, name: str, size: tuple[int, int]) -> dict[str, Tensor]:
    """By the input's name. Of a guided pair the prompt's row."""
    recorded = record(folder.path, small(folder, size))[name]
    return {key: torch.cat([torch.as_tensor(each[key][-1:]) for each in recorded]) for key in recorded[0]}


def small(folder: ModelFolder, size: tuple[int, int]) -> tuple[int, int]:
    """The size, or one of LATENTS a side where that is smaller, in steps that the UNet can halve."""
    step = folder.facts.latent_scale * 2 ** halvings(folder.configs["unet"])
    most = max(step, LATENTS * folder.facts.latent_scale // step * step)
    return min(size[0], most), min(size[1], most)
