"""The option for ControlNets, and what it comes to."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import DEPTH, POSE, Control, InvalidRequest, UnreadablePicture
from backends.core.shelf import Shelf, controlnet_name
from desktop.library import paths
from desktop.library.brought import to_control
from desktop.library.reading import find_recorded, read_init_picture, read_pose_file
from desktop.library.record import Controlled, InitPicture, Record, describe_control

_ENDING = ".safetensors"
_POSES = ".json"
_SETTING = re.compile(r"(.*),\s*(weight|prepare|by|from|to)=([^,=]*)", re.DOTALL)
_NAMES = {"weight": "weight", "from": "start", "to": "end"}
_ROUGH = "rough"
_LIKE = "Write it like canny=fox.png,prepare=canny,weight=0.8."


@dataclass(frozen=True)
class Controls:
    """For the request, for the record, and files that were given as such."""

    wanted: tuple[Control, ...] = ()
    told: tuple[Controlled, ...] = ()
    files: tuple[Path, ...] = ()


def add_control(parser: argparse.ArgumentParser) -> None:
    """--control."""
    parser.add_argument(
        "--control",
        action="append",
        default=[],
        metavar="NAME=PICTURE",
        help="a ControlNet by name or .safetensors file, and its picture; then ,prepare=canny|scribble|tile|"
        "invert|depth|pose (an OpenPose JSON file)  ,by=MODEL or rough (for depth)  ,weight=0.8  ,from=0  "
        ",to=0.8 (shares of the steps); can be given up to four times",
    )


def find_controls(given: list[str], known: Record, shelf: Shelf) -> Controls:
    """What is given, else what the record says. Raises InvalidRequest or UnreadablePicture."""
    if given:
        found = [_parse(text, shelf) for text in given]
        return Controls(
            tuple(control for control, _, _ in found),
            tuple(describe_control(control, picture) for control, picture, _ in found),
            tuple(path for _, _, path in found if path is not None),
        )
    wanted = tuple(_again(each) for each in known.controls)
    return Controls(wanted, known.controls)


def _parse(text: str, shelf: Shelf) -> tuple[Control, InitPicture, Path | None]:
    """The control, its picture, and the network's file where one was given."""
    rest, settings = text, dict[str, str]()
    while match := _SETTING.fullmatch(rest):
        rest = match[1]
        settings.setdefault(match[2], match[3].strip())
    name, equals, picture = rest.partition("=")
    if not equals or not name.strip() or not picture.strip():
        raise InvalidRequest(f"{text!r} is no ControlNet with its picture.", _LIKE)
    path = Path(picture.strip())
    prepare = settings.get("prepare", POSE if path.suffix.lower() == _POSES else "none")
    data, read = read_pose_file(path) if prepare == POSE else read_init_picture(path)
    file = _file(name.strip())
    numbers = {_NAMES[key]: _number(value) for key, value in settings.items() if key in _NAMES}
    model = controlnet_name(file) if file else name.strip()
    by = _found_by(prepare, settings.get("by", ""), shelf)
    return Control(model=model, image=data, prepare=prepare, by=by, **numbers), read, file


def _found_by(prepare: str, asked: str, shelf: Shelf) -> str:
    """The model that depth is found by: the one asked for, else the first there is."""
    if prepare == DEPTH and not asked:
        return next(iter(shelf.depth_models), "")
    return "" if asked == _ROUGH else asked


def _file(name: str) -> Path | None:
    path = paths.expand(name)
    return path.absolute() if name.lower().endswith(_ENDING) and path.is_file() else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidRequest(f"{text!r} is no number.", _LIKE) from error


def _again(told: Controlled) -> Control:
    try:
        data = told.pose.encode() if told.pose else find_recorded(told.picture)[0]
    except UnreadablePicture as error:
        raise UnreadablePicture(
            f"The ControlNet's picture {told.picture.name} is not there any more, or is another one now.",
            "Give all of them with --control.",
        ) from error
    return to_control(told, data)
