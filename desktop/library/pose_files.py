"""Poses as files of their own."""

from __future__ import annotations

from pathlib import Path

from backends.core.contract import SaveFailed
from backends.core.contract.pose import fitted, read_pose


def save_pose(path: Path, data: bytes, size: tuple[int, int]) -> tuple[Path, Path]:
    """Writes the pose (OpenPose JSON) to `path`, and as a ControlNet is shown it beside that, as a PNG
    of its own name.

    Raises SaveFailed.
    """
    from backends.core.pose_picture import draw_pose  # numpy and pillow: not when the window starts

    picture = path.with_name(f"{path.stem}-pose.png")
    try:
        path.write_bytes(data)
        draw_pose(fitted(read_pose(data), *size), size).save(picture, "PNG")
    except OSError as error:
        raise SaveFailed(f"The pose can't be saved as {path}.", "Choose another folder.") from error
    return path, picture
