"""A process that downloads and may be killed at any moment. Imports little: it is started often."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx2  # noqa: F401  so that the fork server has it already

from backends.core.contract import MezzotintError
from desktop.downloads.client import open_client
from desktop.downloads.fetch import Patience
from desktop.downloads.job import Download, resume_or_plan
from tests.downloads.unreliable_hub import REPO


def download(models: Path, environment: dict[str, str], part_bytes: int, came: Any) -> None:
    """Goes on with the download until it is there, or something gives up; `came` counts the bytes."""
    os.environ.update(environment)
    patience = Patience(tries=12, first_wait=0.001)
    with open_client(seconds=0.3) as client:
        try:
            plan = resume_or_plan(client, models, REPO, "main", "")
            work = Download(client=client, plan=plan, models=models, part_bytes=part_bytes, patience=patience)
            for _ in work.run():
                came.value = work.came
        except MezzotintError:
            raise SystemExit(1) from None
