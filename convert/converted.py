"""A folder converted to Core ML as its comparison opens it: what model.json says, and its packages as one.

backends/core/coreml_folder opens such a folder for pictures, and checks every file of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray
from torch import Tensor

from backends.core.contract import BrokenModel, InvalidRequest
from convert.mil_reference import Network, load
from convert.mil_reference.parity import Drift, first_beyond
from convert.verify_inputs import Arrays, fit_batch


@dataclass(frozen=True)
class Converted:
    """A converted folder's own description (model.json, "coreml")."""

    path: Path
    facts: Mapping[str, Any]

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that it holds."""
        return tuple(self.facts["packages"])

    @property
    def size(self) -> tuple[int, int]:
        """Its first size: width and height in pixels."""
        width, height = self.facts["sizes"][0]
        return int(width), int(height)

    @property
    def source(self) -> Path:
        """The model it was made from. Raises InvalidRequest when that is not there."""
        found = Path(self.facts["source"]["folder"])
        if not found.is_dir():
            raise InvalidRequest(
                f"The model that {self.path.name} was made from is not at {found}.", "Name it with --source."
            )
        return found

    @property
    def fewer_bits(self) -> bool:
        """Whether weights have fewer bits than 16."""
        return int(self.facts.get("bits", 16)) < 16 or self.facts.get("least_psnr") is not None

    def load(self, network: str) -> Chain:
        """A network's packages, the function for the first size of each. Raises BrokenModel."""
        functions: Mapping[str, str] = self.facts.get("functions") or {}
        width, height = self.size
        function = functions.get(f"{width}x{height}") if not network.startswith("text_encoder") else None
        files: Sequence[str] = self.facts["packages"][network]
        return Chain(tuple(load(self.path / file, function) for file in files))


class Chain:
    """A network in one package, or cut in several: each takes what was given or what those before it made."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self.networks = networks

    def run(self, inputs: Arrays, arithmetic: str) -> dict[str, NDArray[Any]]:
        """The last package's outputs."""
        values, outputs = dict(inputs), dict[str, NDArray[Any]]()
        for network in self.networks:
            outputs = network.run({name: values[name] for name in network.inputs}, arithmetic)
            values |= outputs
        return outputs

    @property
    def unpacked(self) -> dict[str, Tensor]:
        """The weights that have a table, as it gives them back, by coremltools' names."""
        found: dict[str, Tensor] = {}
        for network in self.networks:
            found |= network.unpacked()
        return found

    def first_beyond(self, inputs: Arrays, bound: float) -> Drift | None:
        """The first layer of the first package that is beyond the bound; later ones get fp32 inputs."""
        values = dict(inputs)
        for network in self.networks:
            given = {name: values[name] for name in network.inputs}
            if found := first_beyond(network, given, bound):
                return found
            values |= network.run(given)
        return None

    def fit(self, inputs: Arrays) -> Arrays:
        """The inputs with the batch that the packages take."""
        wanted = {name: value.shape for network in self.networks for name, value in network.inputs.items()}
        return {
            name: fit_batch(array, wanted.get(name, (None,))[0] or len(array))
            for name, array in inputs.items()
        }


def open_converted(path: Path) -> Converted:
    """Raises BrokenModel for a folder that is not a conversion to Core ML."""
    try:
        manifest = json.loads((path / "model.json").read_text())
        facts = cast(Mapping[str, Any], manifest["coreml"])
        return Converted(path, {key: facts[key] for key in ("packages", "sizes", "source")} | dict(facts))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenModel(
            f"{path} is not a model converted to Core ML.", "Name a folder that `mezzotint convert` made."
        ) from error
