"""No payload runs, nothing is written outside, and each hostile file gets one clear sentence."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.core.contract import BrokenModel, InvalidRequest
from convert.import_model import Wish, import_model
from convert.source.confined import confine
from convert.source.names import folder_name
from convert.source.pickles import to_safetensors
from tests.convert.hostile_files import HOSTILE
from tests.fakes import write_model_configs


def test_there_are_thirty() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    place, mark = tmp_path / "in", tmp_path / "the payload ran"
    place.mkdir()
    source = HOSTILE[name](place, mark)
    with pytest.raises(BrokenModel) as raised:
        import_model(Wish(source=source, models=tmp_path / "models"))
    assert not mark.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "models"]
    assert list((tmp_path / "models").iterdir()) == []
    told = raised.value.message
    assert source.name in told
    assert told.endswith(".")
    assert len(told) < 200
    assert "\n" not in told


@pytest.mark.parametrize("where", ["unet/config.json", "vae/diffusion_pytorch_model.safetensors"])
def test_a_folder_with_a_link_out_of_it_is_refused(where: str, tmp_path: Path) -> None:
    source = write_model_configs(tmp_path / "in")
    secret = tmp_path / "secret.json"
    secret.write_text('{"in_channels": 4, "sample_size": 8}')
    (source / where).unlink(missing_ok=True)
    (source / where).symlink_to(secret)
    with pytest.raises(BrokenModel, match="a link to something outside it"):
        import_model(Wish(source=source, models=tmp_path / "models"))
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("name", ["../../secret.safetensors", "/etc/passwd", "..", "sub/x.safetensors"])
def test_a_list_of_pieces_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    source = write_model_configs(tmp_path / "in")
    (tmp_path / "secret.safetensors").write_bytes(b"x")
    for part, stem in {"text_encoder": "model", "vae": "diffusion_pytorch_model"}.items():
        (source / part / f"{stem}.safetensors").write_bytes(b"x")
    listing = json.dumps({"weight_map": {"a": name}})
    (source / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(listing)
    with pytest.raises(BrokenModel, match="lacks the weights of its unet"):
        import_model(Wish(source=source, models=tmp_path / "models"))
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device of Unix")
def test_a_device_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="neither a file nor a folder"):
        import_model(Wish(source=Path("/dev/zero"), models=tmp_path / "models"))


def test_a_payload_that_passes_the_first_look_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convert.source.pickles.stranger", lambda _: None)
    source = HOSTILE["torch archive, protocol 2"](tmp_path, tmp_path / "the payload ran")
    with pytest.raises(BrokenModel, match="was not opened"):
        to_safetensors(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def _try_things(folder: Path, port: int, theirs: Connection) -> None:
    kept = (folder / "open already").open("w")
    held = confine(64 * 2**30, 600)
    done: list[str] = []
    for what in (
        lambda: (folder / "new").write_text("x"),
        lambda: (folder / "old").write_text("x"),
        lambda: (folder / "old").unlink(),
        lambda: (folder / "made").mkdir(),
        lambda: (folder / "old").rename(folder / "moved"),
        lambda: socket.create_connection(("127.0.0.1", port), timeout=2),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
    ):
        try:
            what()
        except PermissionError:
            done.append("refused")
        except OSError as error:
            done.append(type(error).__name__)
        else:
            done.append("done")
    kept.write("still")
    kept.close()
    theirs.send((held, done))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own means")
def test_a_confined_process_writes_nothing_and_reaches_nobody(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("before")
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # somebody is there: only confinement refuses
        port = listening.getsockname()[1]
        process = context.Process(target=_try_things, args=(tmp_path, port, theirs))
        process.start()
        held, done = ours.recv()
        process.join()
    if "files" not in held:
        pytest.skip("this kernel has no Landlock")
    assert done[:5] == ["refused"] * 5
    assert ("network" in held) == (done[5] != "done")
    assert done[6] == "refused"
    assert (tmp_path / "old").read_text() == "before"
    assert (tmp_path / "open already").read_text() == "still"


_NAMES = int(os.environ.get("MEZZOTINT_NAMES", "20000"))
_A_BATCH = 1000
_TRICKS = (
    ".", "..", "/", "\\", "../", "..\\", ":", "~", "C:", "con", "COM1", "lpt¹", "nul.", "aux ", " ", "\0",
    "\n", "\u202e", "．．／", "\u2024", "\udcff", "é", "e\u0301", "ﷺ", "😀", "%2e%2e%2f", "-", "_", "*", "?",
    "|", "a" * 90,
)  # fmt: skip
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def _names(pieces: list[str], seed: int) -> Iterator[str]:
    """Names made of what hypothesis drew and of the tricks that are known; the same for the same seed."""
    draw = random.Random(seed)
    known = [*pieces, *_TRICKS]
    for _ in range(_A_BATCH):
        yield "".join(draw.choices(known, k=draw.randint(1, 8)))


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(0))
@settings(max_examples=_NAMES // _A_BATCH, deadline=None, database=None)
def test_no_name_escapes_its_folder(pieces: list[str], seed: int) -> None:
    base = os.path.join(os.sep, "models")
    for wanted in _names(pieces, seed):
        name = folder_name(wanted)
        assert os.path.dirname(os.path.normpath(os.path.join(base, name))) == base, wanted
        assert os.path.basename(name) == name
        assert not name.startswith(".")
        assert not name.endswith((".", " "))  # Windows drops them: another name
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert len(os.fsencode(name)) <= 255
        assert name.split(".")[0].casefold() not in _RESERVED
