"""Core AI: Apple's successor of Core ML, on macOS 27 and newer, for a model that was converted for it.

Weights are converted beforehand (`mezzotint convert MODEL --to coreai`), for one size. The system fits
the networks to its units when they are first loaded, and keeps the result itself. With
MEZZOTINT_COREAI=interpreter Core AI's own interpreter computes the same folder on any machine. Untested
on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backends.core import coreai_runtime, coreml_folder
from backends.core.contract import BackendUnavailable, Capabilities, Option, Stages, unknown

_AS_CONVERTED = "as converted"
_UNITS = Option(
    id="units",
    label="Computes on",
    help="The Neural Engine is quiet and saves power; the GPU is faster on large Macs. A model converted "
    "for one may be slow on the other.",
    choices=(_AS_CONVERTED, *coreai_runtime.UNITS, "all"),
)
_CAPABILITIES = Capabilities(
    id=coreml_folder.COREAI,
    name="Core AI",
    hardware="Apple silicon: Neural Engine, GPU or CPU",
    rank=15,
    families=coreml_folder.FAMILIES,
    features=frozenset(
        {"text_to_image", "image_to_image", "negative_prompt", "clip_skip", "preview", "converted_models"}
    ),
    precisions=("float16",),
    options=(_UNITS,),
    checked_on_hardware=False,
)


class CoreAIBackend:
    """See the module's docstring."""

    capabilities = _CAPABILITIES

    def probe(self) -> str | None:
        return coreai_runtime.why_not()

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        if reason := self.probe():
            raise BackendUnavailable(reason, "Choose another backend; `mezzotint doctor` lists them.")
        chosen = options.get(_UNITS.id) or _AS_CONVERTED
        if chosen not in _UNITS.choices:
            raise unknown("compute unit", chosen, _UNITS.choices)
        model = coreml_folder.open_converted(model_folder, coreml_folder.COREAI)
        from backends.core.coreml_stages import CoreMLStages

        runtime = coreai_runtime.CoreAI(model.units if chosen == _AS_CONVERTED else chosen)
        return CoreMLStages(model, runtime, _CAPABILITIES.id)


BACKEND = CoreAIBackend()
