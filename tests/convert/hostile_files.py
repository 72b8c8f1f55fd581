"""Files that mean harm: each is named, made in a folder, and must be refused in one sentence."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

Maker = Callable[[Path, Path], Path]
"""Writes the file into the first folder; a payload, when it runs, makes the second path."""


class _Payload:
    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        import os

        return os.system, (f"touch '{self._mark}'",)


def _pickle(protocol: int, suffix: str) -> Maker:
    def make(folder: Path, mark: Path) -> Path:
        path = folder / f"evil{suffix}"
        path.write_bytes(pickle.dumps({"state_dict": _Payload(mark)}, protocol))
        return path

    return make


def _torch_zip(protocol: int, suffix: str) -> Maker:
    def make(folder: Path, mark: Path) -> Path:
        path = folder / f"evil{suffix}"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({"a": _Payload(mark)}, protocol))
            archive.writestr("archive/version", "3\n")
            archive.writestr("archive/byteorder", "little")
        return path

    return make


def _old_torch(protocol: int) -> Maker:
    """The format before archives: five pickles behind each other; the payload is the fourth."""

    def make(folder: Path, mark: Path) -> Path:
        path = folder / "evil.pt"
        parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, _Payload(mark), [])
        path.write_bytes(b"".join(pickle.dumps(part, protocol) for part in parts))
        return path

    return make


def _hidden_by_the_memo(folder: Path, mark: Path) -> Path:
    """os.system is kept in the memo; what stands before STACK_GLOBAL in the text is harmless."""

    def word(text: str) -> bytes:
        return b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94"

    command = f"touch '{mark}'".encode()
    script = b"\x80\x04" + word("os") + word("system") + b"00" + word("torch") + word("Tensor") + b"00"
    script += b"h\x00h\x01\x93" + b"X" + struct.pack("<I", len(command)) + command + b"\x85R."
    return _archive(folder / "evil.ckpt", script)


def _torchs_own_way_out(folder: Path, mark: Path) -> Path:
    """Only names of torch, but one that would fetch a file from somewhere."""
    script = b"\x80\x02ctorch.hub\nload_state_dict_from_url\nX"
    url = b"http://127.0.0.1:9/x"
    return _archive(folder / "evil.ckpt", script + struct.pack("<I", len(url)) + url + b"\x85R.")


def _archive(path: Path, script: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", script)
        archive.writestr("archive/version", "3\n")
    return path


def _lying_zip(folder: Path, mark: Path) -> Path:
    """Its list of contents says that an entry is 4 GB, and gives the wrong place."""
    path = _torch_zip(2, ".ckpt")(folder, mark)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = b"\xfe\xff\xff\xff"
    content[at + 42 : at + 46] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    return path


def _eval_opcode(folder: Path, mark: Path) -> Path:
    path = folder / "evil.ckpt"
    path.write_bytes(f"cbuiltins\nexec\n(Vopen({str(mark)!r}, 'w')\ntR.".encode())
    return path


def _zip_bomb(folder: Path, mark: Path) -> Path:
    path = folder / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", b"\0" * 2**26)
    return path


def _zip_slip(folder: Path, mark: Path) -> Path:
    path = folder / "slip.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../" + mark.name, b"out")
    return path


def _png_bomb(suffix: str) -> Maker:
    def make(folder: Path, mark: Path) -> Path:
        size = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
        chunk = struct.pack(">I", 13) + b"IHDR" + size + struct.pack(">I", zlib.crc32(b"IHDR" + size))
        path = folder / f"picture{suffix}"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + zlib.compress(b"\0" * 2**20))
        return path

    return make


def safetensors_bytes(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header, whose length may be a lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _safetensors(header: object, body: bytes = b"", length: int | None = None) -> Maker:
    def make(folder: Path, mark: Path) -> Path:
        path = folder / "model.safetensors"
        path.write_bytes(safetensors_bytes(header, body, length))
        return path

    return make


def _raw(name: str, content: bytes) -> Maker:
    def make(folder: Path, mark: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _of(begin: object, end: object, shape: object = (1,), dtype: object = "F32") -> dict[str, object]:
    shape = list(shape) if isinstance(shape, tuple) else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _cut_pickle(folder: Path, mark: Path) -> Path:
    path = _torch_zip(2, ".ckpt")(folder, mark)
    path.write_bytes(path.read_bytes()[:-30])
    return path


def _nested_pickle(folder: Path, mark: Path) -> Path:
    (folder / "deep.ckpt").write_bytes(b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".")
    return folder / "deep.ckpt"


def _zip_in_memory(mark: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(_Payload(mark)))
    return buffer.getvalue()


def _renamed_zip(folder: Path, mark: Path) -> Path:
    path = folder / "friend.safetensors"
    path.write_bytes(_zip_in_memory(mark))
    return path


_MB = 10**6
_KLEIN = (
    "model.diffusion_model.double_stream_modulation_img.lin.weight",
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight",
    "model.diffusion_model.final_layer.adaLN_modulation.1.weight",
    "text_encoders.qwen3_4b.transformer.model.layers.0.self_attn.q_norm.weight",
    "text_encoders.qwen3_4b.transformer.model.embed_tokens.weight",
    "vae.decoder.mid.block_1.conv1.weight",
    "vae.decoder.conv_in.weight",
    "vae.bn.running_mean",
)
"""What a whole FLUX.2 klein is known by."""
_LAYER = "text_encoders.qwen3_4b.transformer.model.layers.{}.input_layernorm.weight"
_TWICE = ("vae.encoder.quant_conv.weight", "vae.quant_conv.weight")


def _like_klein(
    shape: tuple[int, ...], dtype: str = "F32", others: Mapping[str, object] | None = None
) -> Maker:
    """The names of a whole model, each a tensor without a number in it; `others` are what else it has."""
    return _safetensors({**{name: _of(0, 0, shape, dtype) for name in _KLEIN}, **(others or {})})


def _said(layers: object) -> dict[str, object]:
    """What the header says of the packing."""
    told = layers if isinstance(layers, str) else json.dumps({"layers": layers})
    return {"__metadata__": {"_quantization_metadata": told}}


def _gguf(name: bytes, sides: tuple[int, ...], kind: int = 0, offset: int = 0, body: bytes = b"") -> Maker:
    """One tensor, wherever and however large it is said to be."""
    told = struct.pack("<4sIQQQ", b"GGUF", 3, 1, 0, len(name)) + name + struct.pack("<I", len(sides))
    told += struct.pack(f"<{len(sides)}QIQ", *sides, kind, offset)
    return _raw("x.gguf", told + b"\0" * (-len(told) % 32) + body)


HOSTILE: dict[str, Maker] = {
    **{f"pickle, protocol {n}": _pickle(n, ".ckpt") for n in range(6)},
    **{f"torch archive, protocol {n}": _torch_zip(n, ".ckpt" if n % 2 else ".pt") for n in range(6)},
    **{f"torch's old format, protocol {n}": _old_torch(n) for n in (0, 2, 4)},
    "names hidden by the memo": _hidden_by_the_memo,
    "a name of torch's that fetches": _torchs_own_way_out,
    "archive that lies about its contents": _lying_zip,
    "pickle that calls exec": _eval_opcode,
    "pickle cut short": _cut_pickle,
    "pickle nested 200,000 deep": _nested_pickle,
    "pickle renamed to safetensors, protocol 2": _pickle(2, ".safetensors"),
    "pickle renamed to safetensors, protocol 4": _pickle(4, ".safetensors"),
    "torch archive renamed to safetensors": _renamed_zip,
    "zip bomb": _zip_bomb,
    "archive with a path outside": _zip_slip,
    "PNG bomb as safetensors": _png_bomb(".safetensors"),
    "PNG bomb as ckpt": _png_bomb(".ckpt"),
    "overlapping tensors": _safetensors({"a": _of(0, 8, (2,)), "b": _of(4, 8)}, b"\0" * 8),
    "hole between tensors": _safetensors({"a": _of(0, 4), "b": _of(8, 12)}, b"\0" * 12),
    "negative place": _safetensors({"a": _of(-4, 0)}),
    "negative shape": _safetensors({"a": _of(0, 4, (-1, -1))}, b"\0" * 4),
    "end before begin": _safetensors({"a": _of(8, 4)}, b"\0" * 8),
    "huge header": _safetensors(b"{}", length=2**63),
    "header longer than the file": _safetensors(b"{}", length=2**20),
    "truncated tensors": _safetensors({"a": _of(0, 400, (100,))}, b"\0" * 100),
    "trailing bytes": _safetensors({"a": _of(0, 4)}, b"\0" * 4096),
    "100,000 tensors": _safetensors({f"t{n}": _of(n, n + 1, (1,), "U8") for n in range(10**5)}, bytes(10**5)),
    "shape that overflows": _safetensors({"a": _of(0, 0, (2**47, 2**47, 2**47))}),
    "numbers as text": _safetensors({"a": _of("0", "4")}, b"\0" * 4),
    "unknown dtype": _safetensors({"a": _of(0, 4, (1,), "PYOBJ")}, b"\0" * 4),
    "the same name twice": _safetensors(b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}'),
    "header nested 100,000 deep": _safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "header that is a list": _safetensors([1, 2]),
    "header that is not JSON": _safetensors(b"\xff\xfe\x00\x01"),
    "tensor names with paths": _safetensors({"../../escape": _of(0, 4), "/etc/x\0y": _of(4, 8)}, b"\0" * 8),
    "numbers that are none": _safetensors(b'{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,Infinity]}}'),
    "true for 1": _safetensors({"a": _of(False, True, (True,), "U8")}, b"\0"),
    "metadata that is a list": _safetensors({"__metadata__": ["x"], "a": _of(0, 4)}, b"\0" * 4),
    "empty archive": _raw("nothing.ckpt", b"PK\x05\x06" + b"\0" * 18),
    "parts of no size": _like_klein((0,)),
    "parts of four empty sides": _like_klein((0, 0, 0, 0)),
    "parts whose sides overflow": _like_klein((2**47, 2**47, 0)),
    "parts in eight bits of no size": _like_klein((0, 0), "F8_E4M3"),
    "a block of no number": _like_klein((0,), others={_LAYER.format(-1): _of(0, 0, (0,))}),
    "two tensors that become one": _like_klein((0,), others={name: _of(0, 0, (0,)) for name in _TWICE}),
    "packed as nobody knows": _like_klein((0, 0), "U8", _said({"a": {"format": "../../x"}})),
    "packed as NVFP4, without sides": _like_klein((), "U8", _said({_KLEIN[1][:-7]: {"format": "nvfp4"}})),
    "packing that is a list": _like_klein((0,), others=_said([1])),
    "packing nested 100,000 deep": _like_klein((0,), others=_said('{"layers":' * 10**5)),
    "packing by the same name as the marker": _safetensors({"scaled_fp8": _of(0, 1, (1,), "F8_E4M3")}, b"\0"),
    "a packing's name of a megabyte": _safetensors({"a.comfy_quant": _of(0, _MB, (_MB,), "U8")}, bytes(_MB)),
    "GGUF with a tensor that is not there": _gguf(b"cap_pad_token", (2**40,)),
    "GGUF with a tensor far away": _gguf(b"cap_pad_token", (8,), offset=2**62),
    "GGUF with a packing that is none": _gguf(b"cap_pad_token", (32,), kind=4_000_000_000),
    "GGUF cut in a block": _gguf(b"x.weight", (256, 256), kind=12, body=bytes(100)),
    "GGUF with a path for a name": _gguf(b"../../../../escape", (8,), body=bytes(64)),
    "GGUF with nine sides": _gguf(b"x", (1,) * 9, body=bytes(64)),
    "GGUF of a trillion tensors": _raw("x.gguf", b"GGUF\x03\0\0\0" + b"\xff" * 32),
    "empty file": _raw("nothing.safetensors", b""),
    "GGUF renamed": _raw("model.safetensors", b"GGUF\x03\0\0\0" + b"\0" * 64),
    "page of a web site": _raw("model.safetensors", b"<!DOCTYPE html><html>Please log in</html>"),
}  # fmt: skip
