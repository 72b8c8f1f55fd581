"""What the interpreter can say no to."""

from __future__ import annotations

from backends.core.contract import MezzotintError


class UnsupportedOperation(MezzotintError):
    """The program holds an operation, or an argument of one, that the interpreter does not know."""

    exit_code = 2

    def __init__(self, title: str, kind: str, layer: str) -> None:
        super().__init__(
            f"{title} uses the operation {kind} in the layer {layer}, which our Core ML interpreter lacks.",
            "Convert the model with another attention or target, or add the operation to "
            "convert/mil_reference/operations with its test.",
        )
        self.args = (title, kind, layer)
        self.kind = kind
        self.layer = layer
