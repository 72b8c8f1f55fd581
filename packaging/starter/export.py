"""Write the diffusers folder: python packaging/starter/export.py --work WORK --output FOLDER

Takes the averaged weights of both checkpoints, folds the latents' normalization into the autoencoder, and
stores float16 safetensors. The folder is built beside its place and moved there, so nobody sees half of it.
`--untrained` uses random weights where there is no checkpoint: the right shapes, for tests.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from transformers import CLIPTokenizer

from denoiser import TextToLatents, build_scheduler
from model_card import model_card
from training import load
from vae import LATENT_CHANNELS, build_vae, normalize_latents

HERE = Path(__file__).parent


def checkpoint(path: Path, untrained: bool) -> dict[str, Any]:
    """A checkpoint, or nothing if it is missing and need not be there."""
    return {} if untrained and not path.exists() else load(path)


def finished_vae(work: Path, untrained: bool) -> tuple[AutoencoderKL, dict[str, Any]]:
    """The autoencoder with normalized latents, and its checkpoint's figures."""
    vae, state = build_vae().eval(), checkpoint(work / "vae.pt", untrained)
    if state:
        vae.load_state_dict(state.pop("vae"))
    stats = checkpoint(work / "normalization.pt", untrained)
    zeros, ones = torch.zeros(LATENT_CHANNELS), torch.ones(LATENT_CHANNELS)
    normalize_latents(vae, stats.get("mean", zeros), stats.get("deviation", ones))
    return vae, state


def finished_denoiser(
    work: Path, tokenizer: CLIPTokenizer, untrained: bool
) -> tuple[TextToLatents, dict[str, Any]]:
    """The denoiser and text encoder with averaged weights, and their checkpoint's figures."""
    model, state = TextToLatents(tokenizer).eval(), checkpoint(work / "denoiser.pt", untrained)
    if state:
        model.load_state_dict(state["ema"])
    return model, {key: state.get(key, 0) for key in ("step", "minutes")}


def build_pipeline(work: Path, untrained: bool) -> tuple[StableDiffusionPipeline, dict[str, Any]]:
    """The whole pipeline in float16, and the figures for the model card."""
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    vae, vae_figures = finished_vae(work, untrained)
    model, figures = finished_denoiser(work, tokenizer, untrained)
    pipeline = StableDiffusionPipeline(
        vae=vae.half(),
        text_encoder=model.text_encoder.half(),
        tokenizer=tokenizer,
        unet=model.unet.half(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return pipeline, {"psnr": vae_figures.get("psnr"), "vae_steps": vae_figures.get("step", 0), **figures}


def drop_local_names(folder: Path) -> None:
    """Take the names of this machine's folders out of the configurations."""
    for path in folder.glob("**/*.json"):
        settings = json.loads(path.read_text())
        names = [name for name in ("_name_or_path", "is_local", "local_files_only") if name in settings]
        if names:
            kept = {key: value for key, value in settings.items() if key not in names}
            path.write_text(json.dumps(kept, indent=2) + "\n")


def add_plain_files(folder: Path, work: Path, tokens: dict[str, int]) -> None:
    """Add the tokenizer's vocabulary in CLIP's own format, and the notice; let everybody read every file.

    ValueError: that vocabulary numbers the tokens otherwise than `tokens`, the ones trained with.
    """
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(work / "tokenizer" / name, folder / "tokenizer" / name)
    if json.loads((folder / "tokenizer" / "vocab.json").read_text()) != tokens:
        raise ValueError("vocab.json isn't the vocabulary of the training: write it from tokenizer.json")
    shutil.copyfile(HERE / "NOTICE", folder / "NOTICE")
    for path in folder.glob("**/*.*"):
        path.chmod(0o644)


def replace_folder(built: Path, output: Path) -> None:
    """Move a finished folder to its place."""
    previous = output.with_name(output.name + ".previous")
    shutil.rmtree(previous, ignore_errors=True)
    if output.exists():
        output.rename(previous)
    built.rename(output)
    shutil.rmtree(previous, ignore_errors=True)


def export(work: Path, output: Path, untrained: bool) -> None:
    """Build the folder and move it to its place."""
    built = output.with_name(output.name + ".part")
    shutil.rmtree(built, ignore_errors=True)
    pipeline, figures = build_pipeline(work, untrained)
    pipeline.save_pretrained(built, safe_serialization=True)
    drop_local_names(built)
    (built / "README.md").write_text(model_card(figures))
    add_plain_files(built, work, pipeline.tokenizer.get_vocab())
    replace_folder(built, output)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--untrained", action="store_true")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    export(options.work, options.output, options.untrained)
    size = sum(path.stat().st_size for path in options.output.glob("**/*.safetensors"))
    print(f"{options.output}: {size / 1e6:.1f} MB of weights")


if __name__ == "__main__":
    main()
