"""The files that a prompt can name: LoRAs, embeddings and wildcards, by the name without its ending.

Each is looked for in its folder of every place searched, ours first; A1111's and ComfyUI's folders have these
names too. A name is only ever compared with the names there are, so it can't lead elsewhere.
Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import cast

from backends.core.contract import LANCZOS, LATENTS, InvalidRequest, unknown

LORAS = ("loras", "Lora", "models/Lora", "models/loras")
EMBEDDINGS = ("embeddings", "models/embeddings")
WILDCARDS = ("wildcards",)
UPSCALERS = (
    "upscalers", "upscale_models", "ESRGAN", "RealESRGAN",
    "models/upscale_models", "models/ESRGAN", "models/RealESRGAN",
)  # fmt: skip
DEPTH_MODELS = ("preprocessors", "depth", "models/preprocessors", "models/depth")
VAES = ("vae", "VAE", "models/VAE", "models/vae")
CONTROLNETS = ("controlnets", "ControlNet", "models/ControlNet", "models/controlnet")
_LORA_ENDINGS = (".safetensors",)
_EMBEDDING_ENDINGS = (".safetensors", ".pt", ".bin")
_WILDCARD_ENDINGS = (".txt",)
_UPSCALER_ENDINGS = (".safetensors",)
PICKLED_ENDINGS = (".pth", ".pt")
_CONTROLNET_ENDINGS = (".safetensors",)
_VAE_ENDINGS = (".safetensors",)
_ESTIMATOR = "ForDepthEstimation"
UNNAMED = "diffusion_pytorch_model"
"""How diffusers calls every network's weights: then its folder has the name."""
_DEEPEST = 3


class Shelf:
    """What is in `search`: folders, and single files that count wherever they are."""

    def __init__(self, search: Iterable[Path] = ()) -> None:
        self._search = tuple(search)

    @cached_property
    def loras(self) -> Mapping[str, Path]:
        """LoRA files by name."""
        return self._named(LORAS, _LORA_ENDINGS)

    @cached_property
    def embeddings(self) -> Mapping[str, Path]:
        """Files of textual inversion by the word that calls each."""
        return self._named(EMBEDDINGS, _EMBEDDING_ENDINGS)

    @cached_property
    def wildcards(self) -> Mapping[str, Path]:
        """Text files of one choice a line, by path within the folder without the ending: "animal/bird"."""
        return self._named(WILDCARDS, _WILDCARD_ENDINGS, by_path=True)

    @cached_property
    def upscalers(self) -> Mapping[str, Path]:
        """Files of networks that enlarge pictures, by name."""
        return self._named(UPSCALERS, _UPSCALER_ENDINGS)

    @cached_property
    def pickled_upscalers(self) -> Mapping[str, Path]:
        """Those that must be written anew before they can be used, by name."""
        found = self._named(UPSCALERS, PICKLED_ENDINGS)
        return {name: path for name, path in found.items() if name not in self.upscalers}

    def upscaler(self, name: str) -> Path:
        """The upscaler's file. Raises InvalidRequest, with the nearest name, when there is none."""
        if name in self.upscalers:
            return self.upscalers[name]
        if name in self.pickled_upscalers:
            raise InvalidRequest(
                f"The upscaler {name!r} is a pickle, which can hold more than numbers.",
                f"Upscale a picture with it once: `mezzotint upscale PICTURE --by {name}` writes it anew.",
            )
        if self.upscalers:
            raise unknown("upscaler", name, [*self.upscalers, LATENTS, LANCZOS])
        raise InvalidRequest(
            f"There is no upscaler called {name!r}.",
            f"Put its .safetensors file into {self._own(UPSCALERS)}.",
        )

    @cached_property
    def controlnets(self) -> Mapping[str, Path]:
        """ControlNets' weights by name: the file's, or its folder's in diffusers' layout."""
        files = self._named(CONTROLNETS, _CONTROLNET_ENDINGS, by_path=True)
        nets = [path for path in files.values() if not _is_depth_model(path.parent)]
        return {controlnet_name(path): path for path in reversed(nets)}

    def controlnet(self, name: str) -> Path:
        """The ControlNet's weights. Raises InvalidRequest, with the nearest name, when there is none."""
        if name in self.controlnets:
            return self.controlnets[name]
        if self.controlnets:
            raise unknown("ControlNet", name, self.controlnets)
        raise InvalidRequest(
            f"There is no ControlNet called {name!r}.",
            f"Put its file or folder into {self._own(CONTROLNETS)}.",
        )

    @cached_property
    def vaes(self) -> Mapping[str, Path]:
        """VAEs' weights by name: the file's, or its folder's in diffusers' layout."""
        files = self._named(VAES, _VAE_ENDINGS, by_path=True).values()
        return {vae_name(path): path for path in reversed(list(files))}

    def vae(self, name: str) -> Path:
        """The VAE's weights. Raises InvalidRequest, with the nearest name, when there is none."""
        if name in self.vaes:
            return self.vaes[name]
        if name in self._named(VAES, (*PICKLED_ENDINGS, ".ckpt", ".bin")):
            raise InvalidRequest(
                f"The VAE {name!r} is a pickle, which can hold more than numbers.",
                "Get it as a .safetensors file.",
            )
        if self.vaes:
            raise unknown("VAE", name, self.vaes)
        raise InvalidRequest(
            f"There is no VAE called {name!r}.",
            f"Put its file or folder into {self._own(VAES)}, or use the model's own.",
        )

    @cached_property
    def depth_models(self) -> Mapping[str, Path]:
        """Folders of depth models in transformers' layout by name, among the ControlNets too."""
        places = (*DEPTH_MODELS, *CONTROLNETS)
        files = self._named(places, _CONTROLNET_ENDINGS, by_path=True).values()
        folders = sorted({path.parent for path in files if _is_depth_model(path.parent)})
        return {folder.name: folder for folder in reversed(folders)}

    def depth_model(self, name: str) -> Path:
        """The depth model's folder. Raises InvalidRequest, with the nearest name, when there is none."""
        if name in self.depth_models:
            return self.depth_models[name]
        if self.depth_models:
            raise unknown("depth model", name, self.depth_models)
        raise InvalidRequest(
            f"There is no depth model called {name!r}.",
            f"Put its folder into {self._own(DEPTH_MODELS)}, or use the rough estimate.",
        )

    def lora(self, name: str) -> Path:
        """The LoRA's file. Raises InvalidRequest, with the nearest name, when there is none."""
        if name in self.loras:
            return self.loras[name]
        if self.loras:
            raise unknown("LoRA", name, self.loras)
        raise InvalidRequest(
            f"There is no LoRA called {name!r}.", f"Put its .safetensors file into {self._own(LORAS)}."
        )

    def wildcard(self, name: str) -> list[str]:
        """The file's lines, without empty ones and those that begin with "#". Raises InvalidRequest."""
        if name not in self.wildcards:
            if self.wildcards:
                raise unknown("list of wildcards", name, self.wildcards)
            raise InvalidRequest(
                f"There is no list of wildcards called {name!r}.",
                f"Put {name}.txt, with a choice on each line, into {self._own(WILDCARDS)}.",
            )
        try:
            lines = self.wildcards[name].read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise InvalidRequest(
                f"The list of wildcards {name!r} can't be read.", "Save it as plain text (UTF-8)."
            ) from error
        if found := [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]:
            return found
        raise InvalidRequest(f"The list of wildcards {name!r} is empty.", "Write a choice on each line.")

    def _own(self, places: tuple[str, ...]) -> str:
        folders = [folder for folder in self._search if folder.is_dir()]
        return str(folders[0] / places[0]) if folders else f"the folder {places[0]!r}"

    def _named(
        self, places: tuple[str, ...], endings: tuple[str, ...], *, by_path: bool = False
    ) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for at in self._search:
            if at.suffix.lower() in endings and at.is_file():
                found.setdefault(at.stem, at)
            for folder in (at / place for place in places):
                for path in _files(folder, endings, _DEEPEST):
                    name = path.relative_to(folder).with_suffix("").as_posix() if by_path else path.stem
                    found.setdefault(name, path)
        return found


def controlnet_name(path: Path) -> str:
    """What the ControlNet with these weights is called."""
    return path.parent.name if path.stem.startswith(UNNAMED) else path.stem


def vae_name(path: Path) -> str:
    """What the VAE with these weights is called. A model's own folder "vae" is called as the model is."""
    if not path.stem.startswith(UNNAMED):
        return path.stem
    return path.parent.parent.name if path.parent.name == "vae" else path.parent.name


def _is_depth_model(folder: Path) -> bool:
    """Whether transformers' config.json there says so."""
    try:
        config: object = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    names = cast(dict[str, object], config).get("architectures") if isinstance(config, dict) else None
    return isinstance(names, list) and any(
        str(each).endswith(_ESTIMATOR) for each in cast(list[object], names)
    )


def _files(folder: Path, endings: tuple[str, ...], deepest: int) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name.casefold())
    except OSError:
        return
    yield from (path for path in inside if path.suffix.lower() in endings and path.is_file())
    for path in inside if deepest else ():
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, endings, deepest - 1)
