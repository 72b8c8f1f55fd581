"""What `mezzotint bench` runs in processes of their own, so that each peak of memory is one model's alone."""

from __future__ import annotations

import logging
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from backends.core.contract import InternalError, InvalidRequest, MezzotintError

PROMPT = "a lighthouse on a cliff at dawn"
DIFFUSERS = "diffusers"
Loras = tuple[tuple[Path, float], ...]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One measurement: a backend's id or DIFFUSERS, a model's folder, a size, and how many steps.

    `batch` is 1 without guidance and 2 with it.
    """

    runner: str
    folder: Path
    width: int
    height: int
    steps: int = 3
    batch: int = 1
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    loras: Loras = ()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds, and bytes above what the process took after its imports. `problem` when it did not run.

    `first_step` brings the weights into memory; `step` is the median of the others.
    """

    load: float | None = None
    encode: float | None = None
    first_step: float | None = None
    step: float | None = None
    decode: float | None = None
    peak: int | None = None
    baseline: int | None = None
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])
    remarks: tuple[str, ...] = ()
    problem: str | None = None


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `work(*arguments)` in a fresh process. Raises a MezzotintError that is raised there."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_answer, args=(theirs, work, arguments))
    child.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError as end:
        child.join()
        raise MezzotintError(
            f"The measurement ended early (code {child.exitcode}).", "There may be too little memory for it."
        ) from end
    child.join()
    if isinstance(answer, MezzotintError):
        raise answer
    return answer


def _answer(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    from backends.core.environment import be_offline, out_of_memory

    be_offline()
    logging.disable(logging.CRITICAL)
    try:
        connection.send(work(*arguments))
    except MezzotintError as error:
        connection.send(error)
    except Exception as error:  # noqa: BLE001 - told in the parent
        connection.send(
            out_of_memory(error) or InternalError(f"{type(error).__name__}: {error}.", "Report it.")
        )


def measure(task: Task) -> Measured:
    """Loads, encodes, denoises and decodes once, as the task says. Call it in a process of its own."""
    from backends.core import memory, torch_stages

    torch_stages.import_classes()
    stages = _diffusers if task.runner == DIFFUSERS else _ours
    opening = stages(task)
    baseline = memory.resident_bytes()
    memory.reset_peak()
    found = opening()
    peak = memory.peak_bytes()
    return Measured(**found, baseline=baseline, peak=None if peak is None else peak - baseline)


def _ours(task: Task) -> Callable[[], dict[str, Any]]:
    from backends.core.registry import get_backend

    backend = get_backend(task.runner)

    def run() -> dict[str, Any]:
        import torch

        began = time.perf_counter()
        opened: Any = backend.open(task.folder, task.options)
        _use(opened, task.loras)
        times = {"load": time.perf_counter() - began}
        opened.check_size(task.width, task.height)
        began = time.perf_counter()
        tensors = [opened.encode_text(PROMPT, 0).tensors for _ in range(task.batch)]
        times["encode"] = time.perf_counter() - began
        conditioning = {name: torch.cat([each[name] for each in tensors]) for name in tensors[0]}
        latents = _latents(opened.facts.latent_shape(task.width, task.height), task.batch)
        steps = [_timed(lambda: opened.denoise(latents, 500.0, conditioning)) for _ in range(task.steps)]
        times["decode"] = _timed(lambda: opened.decode(latents[:1]))
        remarks = tuple(getattr(opened, "take_remarks", tuple)())
        provenance = dict(opened.provenance)
        opened.close()
        return {**times, **_steps(steps), "remarks": remarks, "provenance": provenance}

    return run


def _use(opened: Any, loras: Loras) -> None:
    """They count as loading. Raises InvalidRequest where they can't be used."""
    take = getattr(opened, "use_loras", None)
    if take is not None:
        take(loras)
    elif loras:
        raise InvalidRequest("A converted model can't take a LoRA as it is.", "Leave out --lora.")


def _diffusers(task: Task) -> Callable[[], dict[str, Any]]:
    """diffusers' own pipeline on the CPU in float32, as its documentation loads and runs it."""
    import torch
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline

    from backends.core.memory import physical_cores

    torch.set_num_threads(physical_cores())

    def run() -> dict[str, Any]:
        began = time.perf_counter()
        pipe: Any = StableDiffusionPipeline.from_pretrained(str(task.folder), torch_dtype=torch.float32)
        times = {"load": time.perf_counter() - began}
        with torch.inference_mode():
            began = time.perf_counter()
            embeds = pipe.encode_prompt(PROMPT, "cpu", 1, task.batch == 2)
            times["encode"] = time.perf_counter() - began
            hidden = torch.cat([each for each in embeds if each is not None])
            scale = 2 ** (len(pipe.vae.config.block_out_channels) - 1)
            shape = (1, pipe.unet.config.in_channels, task.height // scale, task.width // scale)
            latents = _latents(shape, task.batch)
            steps = [_timed(lambda: pipe.unet(latents, 500.0, hidden)) for _ in range(task.steps)]
            times["decode"] = _timed(lambda: pipe.vae.decode(latents[:1] / pipe.vae.config.scaling_factor))
        return {**times, **_steps(steps), "provenance": {"backend": DIFFUSERS, "precision": "float32"}}

    return run


def pairs(task: Task, count: int = 5) -> list[tuple[float, float]]:
    """(our seconds, diffusers' seconds) for single steps in turn, both models in one process."""
    import torch

    from backends.core import torch_stages
    from backends.core.registry import get_backend

    torch_stages.import_classes()
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    opened: Any = get_backend(task.runner).open(task.folder, task.options)
    tensors = opened.encode_text(PROMPT, 0).tensors
    conditioning = {name: torch.cat([tensor] * task.batch) for name, tensor in tensors.items()}
    latents = _latents(opened.facts.latent_shape(task.width, task.height), task.batch)
    theirs: Any = UNet2DConditionModel.from_pretrained(str(task.folder / "unet"), torch_dtype=torch.float32)
    hidden = conditioning["encoder_hidden_states"]

    def ours_step() -> float:
        return _timed(lambda: opened.denoise(latents, 500.0, conditioning))

    def their_step() -> float:
        with torch.inference_mode():
            return _timed(lambda: theirs(latents, 500.0, hidden))

    ours_step()
    their_step()
    return [(ours_step(), their_step()) for _ in range(count)]


def _latents(shape: tuple[int, ...], batch: int) -> Any:
    import torch

    one = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(0))
    return torch.cat([one] * batch)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _steps(seconds: list[float]) -> dict[str, float]:
    return {"first_step": seconds[0], "step": statistics.median(seconds[1:] or seconds)}
