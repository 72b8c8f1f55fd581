"""Core ML: the Neural Engine, the GPU or the CPU of a Mac, for a model that was converted for it.

Weights are converted beforehand (`mezzotint convert MODEL --to coreml`), for sizes that are fixed then.
The first opening on a machine takes minutes, while the system prepares the networks for the Neural Engine;
that is done in a process of its own (backends/core/coreml_prepare.py) and kept until system or model change.

With MEZZOTINT_COREML=reference the same folder is computed by our interpreter of Core ML's programs, on any
machine and slowly: that is how this backend is tested without a Mac. Untested on hardware.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from backends.core import coreml_folder, coreml_runtime
from backends.core.contract import BackendUnavailable, Capabilities, Option, Stages, unknown

if TYPE_CHECKING:
    from backends.core.contract.preparing import Preparation
    from backends.core.coreml_folder import ConvertedModel
    from backends.core.coreml_runtime import Runtime

_AS_CONVERTED = "as converted"
_UNITS = Option(
    id="units",
    label="Computes on",
    help="The Neural Engine is quiet and saves power; the GPU is faster on large Macs. A model converted "
    "for one may be slow on the other.",
    choices=(_AS_CONVERTED, *coreml_runtime.UNITS),
)
_CAPABILITIES = Capabilities(
    id="coreml",
    name="Core ML",
    hardware="Apple silicon: Neural Engine, GPU or CPU",
    rank=10,
    families=coreml_folder.FAMILIES,
    features=frozenset(
        {"text_to_image", "image_to_image", "negative_prompt", "clip_skip", "preview", "converted_models"}
    ),
    precisions=("float16", "8-bit weights", "6-bit weights", "4-bit weights"),
    options=(_UNITS,),
    checked_on_hardware=False,
)


class CoreMLBackend:
    """See the module's docstring."""

    capabilities = _CAPABILITIES

    def probe(self) -> str | None:
        return coreml_runtime.why_not()

    def prepare(self, model_folder: Path, options: Mapping[str, str]) -> Iterator[Preparation]:
        """Gets the networks ready for this machine, where they are not; says where it is meanwhile.

        Closing the iterator stops it. Raises BackendUnavailable when it hangs.
        """
        from backends.core import coreml_prepare

        if coreml_runtime.reference_wanted() is None:
            model, units = self._open_model(model_folder, options)
            yield from coreml_prepare.prepare(model, units)

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        model, units = self._open_model(model_folder, options)
        from backends.core.coreml_stages import CoreMLStages

        return CoreMLStages(model, _runtime(model, units), _CAPABILITIES.id)

    def _open_model(self, folder: Path, options: Mapping[str, str]) -> tuple[ConvertedModel, str]:
        if reason := self.probe():
            raise BackendUnavailable(reason, "Choose another backend; `mezzotint doctor` lists them.")
        chosen = options.get(_UNITS.id) or _AS_CONVERTED
        if chosen not in _UNITS.choices:
            raise unknown("compute unit", chosen, _UNITS.choices)
        model = coreml_folder.open_converted(folder)
        return model, model.units if chosen == _AS_CONVERTED else chosen


def _runtime(model: ConvertedModel, units: str) -> Runtime:
    if rounding := coreml_runtime.reference_wanted():
        return coreml_runtime.Reference(rounding)
    from backends.core import coreml_prepare

    return coreml_runtime.CoreML(units, lambda package: coreml_prepare.compiled(model, package))


BACKEND = CoreMLBackend()
