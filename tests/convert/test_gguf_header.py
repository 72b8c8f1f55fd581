"""A GGUF file's header, read without the library: what is there, and nothing of what a liar says."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.source.gguf_header import gguf_shapes

gguf: Any = pytest.importorskip("gguf")


def written(path: Path) -> bytes:
    """With a value of every kind, and a vocabulary."""
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_uint8("a", 1)
    writer.add_int64("b", -1)
    writer.add_float32("c", 0.5)
    writer.add_float64("d", 0.5)
    writer.add_bool("e", True)
    writer.add_string("f", "é" * 100)
    writer.add_array("g", [1, 2, 3])
    writer.add_token_list([f"word {number}" for number in range(1000)])
    writer.add_tensor("token_embd.weight", np.zeros((6, 32), np.float16))
    writer.add_tensor("blk.0.x", np.zeros((2, 3, 4, 5), np.float32))
    for step in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{step}_to_file")()
    writer.close()
    return path.read_bytes()


def test_names_and_shapes_as_torch_counts_them(tmp_path: Path) -> None:
    written(tmp_path / "x.gguf")
    assert gguf_shapes(tmp_path / "x.gguf") == {"token_embd.weight": (6, 32), "blk.0.x": (2, 3, 4, 5)}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 16, struct.pack("<4sIQQ", b"GGUF", 99, 0, 0),
        struct.pack("<4sIQQQ", b"GGUF", 3, 1, 0, 2**62), struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 2**62),
        struct.pack("<4sIQQQcIIQ", b"GGUF", 3, 0, 1, 1, b"k", 9, 9, 2**40),
        struct.pack("<4sIQQQcIIQ", b"GGUF", 3, 0, 1, 1, b"k", 9, 8, 2**63),
        struct.pack("<4sIQQQcI", b"GGUF", 3, 0, 1, 1, b"k", 77),
        struct.pack("<4sIQQQcI", b"GGUF", 3, 1, 0, 1, b"n", 2**32 - 1),
        struct.pack("<4sIQQQcI", b"GGUF", 3, 1, 0, 1, b"\xff", 0) + bytes(12),
    ],
)  # fmt: skip
def test_lies_are_no_shapes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    assert gguf_shapes(tmp_path / "x.gguf") == {}


@given(st.data())
@settings(max_examples=200, deadline=None, database=None)
def test_whatever_is_changed_it_ends(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("x") / "x.gguf"
    content = bytearray(written(path))
    for at in data.draw(st.lists(st.integers(0, 2000), max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert isinstance(gguf_shapes(path), dict)
