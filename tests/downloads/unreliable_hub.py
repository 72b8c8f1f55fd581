"""A hub on this machine's loopback that cuts, stalls, lies about ranges, flips bytes and changes ETags."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fakes import write_model_configs

COMMIT = "c0ffee" + "0" * 34
REPO = "somebody/a-model"
FAULTS = ("cut", "stall", "ignored range", "other range", "flip", "etag", "busy", "early end")


@dataclass
class Hub:
    """What it serves and how it misbehaves. `faults` maps a fault's name to how likely it is at a request."""

    files: Mapping[str, bytes]
    faults: Mapping[str, float] = field(default_factory=dict[str, float])
    seed: int = 0
    chunk: int = 2048
    pause: float = 0.0
    stall: float = 5.0
    card: Mapping[str, Any] = field(default_factory=lambda: {"license": "openrail++"})
    token: str = ""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    made: Counter[str] = field(default_factory=Counter[str])
    flips: int = 0
    url: str = ""
    elsewhere: str = ""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.lock = threading.Lock()

    def fault(self) -> str:
        """What goes wrong with this request, or ""."""
        none = max(0.0, 1.0 - sum(self.faults.values()))
        with self.lock:
            wanted = self.draw.choices([*self.faults, ""], [*self.faults.values(), none])[0]
            self.made.update([wanted] if wanted else [])
            return wanted

    def listing(self) -> dict[str, Any]:
        siblings = [_sibling(path, data) for path, data in self.files.items()]
        return {"id": REPO, "sha": COMMIT, "cardData": dict(self.card), "siblings": siblings}


def _sibling(path: str, data: bytes) -> dict[str, Any]:
    git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    told: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": git}
    if path.endswith(".safetensors"):
        told["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return told


def model_files(folder: Any, seed: int = 0, size: int = 60_000) -> dict[str, bytes]:
    """A repository's files: a model's, and what nobody needs."""
    write_model_configs(folder)
    draw = random.Random(seed)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    del files["model.json"]
    files |= {
        "unet/diffusion_pytorch_model.fp16.safetensors": draw.randbytes(size),
        "unet/diffusion_pytorch_model.safetensors": draw.randbytes(2 * size),
        "vae/diffusion_pytorch_model.safetensors": draw.randbytes(size // 5),
        "text_encoder/model.fp16.safetensors": draw.randbytes(size // 3),
        "text_encoder/pytorch_model.bin": b"a pickle",
        "tokenizer/vocab.json": b'{"a": 0}',
        "tokenizer/merges.txt": b"#version: 0.2\n",
        "a-model.safetensors": draw.randbytes(100),
        "README.md": b"---\nlicense: openrail++\n---\n",
        "feature_extractor/preprocessor_config.json": b"{}",
        "../escape.json": b"{}",
        "unet/../../escape.safetensors": b"{}",
    }
    return files


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.seen.append((path, {key.lower(): value for key, value in self.headers.items()}))
        if self.hub.token and self.headers.get("authorization") != f"Bearer {self.hub.token}":
            self._answer(401, b"")
        elif path.startswith("/api/models/"):
            known = path.startswith(f"/api/models/{REPO}/revision/")
            self._answer(200 if known else 404, json.dumps(self.hub.listing()).encode())
        elif self.hub.elsewhere:
            self.send_response(302)
            self.send_header("location", self.hub.elsewhere + path)
            self.send_header("content-length", "0")
            self.end_headers()
        else:
            self._file(path.removeprefix(f"/{REPO}/resolve/{COMMIT}/"))

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, path: str) -> None:
        data, fault = self.hub.files[path], self.hub.fault()
        if fault == "busy":
            self._answer(503, b"")
            return
        begin, end, ranged = self._asked(len(data))
        if fault == "ignored range" and ranged:
            begin, end, ranged = 0, len(data), False
        elif fault == "other range" and ranged:
            begin = max(0, begin - 7)
        body = data[begin:end]
        if fault == "flip" and body:
            body = self._flipped(body)
        self.send_response(206 if ranged else 200)
        self.send_header("etag", f'"{time.time_ns()}"' if fault == "etag" else '"the same"')
        if ranged:
            self.send_header("content-range", f"bytes {begin}-{end - 1}/{len(data)}")
        if fault == "early end":
            self.send_header("connection", "close")
        else:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self._send(body, fault)

    def _asked(self, size: int) -> tuple[int, int, bool]:
        text = self.headers.get("range", "")
        if not text:
            return 0, size, False
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1, True

    def _flipped(self, body: bytes) -> bytes:
        with self.hub.lock:
            place, bit = self.hub.draw.randrange(len(body)), self.hub.draw.randrange(8)
            self.hub.flips += 1
        return body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]

    def _send(self, body: bytes, fault: str) -> None:
        breaks = (
            self.hub.draw.randrange(len(body) + 1) if fault in ("cut", "stall", "early end") else len(body)
        )
        for at in range(0, breaks, self.hub.chunk):
            self.wfile.write(body[at : min(at + self.hub.chunk, breaks)])
            self.wfile.flush()
            if self.hub.pause:
                time.sleep(self.hub.pause)
        if fault == "stall":
            time.sleep(self.hub.stall)
        if fault in ("cut", "stall", "early end"):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or hung up on a lie: nothing to tell."""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serves on a free port of the loopback; `hub.url` says where."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    with _Quiet(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
