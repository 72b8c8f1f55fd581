"""The queue, kept in the database: after a crash or a power cut it is still there.

A job has a number here; whoever knows only its request's id asks `job_number`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from backends.core.contract import Control, Hires, InvalidRequest, Job, MezzotintError, Refiner, Request
from desktop.library.brought import Brought, from_plain
from desktop.library.database import Library
from desktop.library.places import name_to_text, text_to_name
from desktop.library.prompts import settings_of

State = Literal["waiting", "running", "failed"]
_NONE = Brought()


@dataclass(frozen=True, kw_only=True)
class QueuedJob:
    """A job in the queue. `done` of its request's pictures are made; `problem` says why it failed.

    `job` is None when what was stored can't be read any more: then it has failed. `brought` says where the
    request's pictures came from.
    """

    id: int
    job: Job | None
    state: State
    done: int
    problem: str
    added: str
    brought: Brought = _NONE


def add_job(library: Library, job: Job, *, first: bool = False, brought: Brought = _NONE) -> int:
    """Puts a job at the end of the queue, or before all that wait; durable when this returns its id."""
    sql = "SELECT min(position) - 1 FROM jobs" if first else "SELECT max(position) + 1 FROM jobs"
    with library.write() as connection:
        ((position,),) = connection.execute(sql)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        values = (position or 0.0, _to_json(job, brought), job.request.init_image, now)
        ((number,),) = connection.execute(
            "INSERT INTO jobs (position, state, job, init_image, added)"
            " VALUES (?, 'waiting', ?, ?, ?) RETURNING id",
            values,
        )
    return int(number)


def all_jobs(library: Library) -> list[QueuedJob]:
    """The queue: the running job, those waiting in their order, and those that failed."""
    rows = library.read(
        "SELECT id, job, init_image, state, done, problem, added FROM jobs"
        " ORDER BY state = 'failed', state = 'waiting', position, id"
    )
    return [_to_queued(row) for row in rows]


def job_number(library: Library, request_id: str) -> int | None:
    """The number of the job whose request has this id, or None when it is not in the queue."""
    rows = library.read(
        "SELECT id FROM jobs WHERE CASE WHEN json_valid(job) THEN job ->> '$.request.id' END = ?", request_id
    )
    return int(rows[0][0]) if rows else None


def start_job(library: Library, number: int) -> None:
    """Says that the job is being worked on."""
    _update(library, "state = 'running', problem = ''", number)


def count_done(library: Library, number: int, done: int) -> None:
    """Says how many of the job's pictures are saved, so that no more than the rest are made after a crash."""
    _update(library, "done = ?", number, done)


def fail_job(library: Library, number: int, error: MezzotintError) -> None:
    """Keeps the job with what went wrong; the others go on."""
    _update(library, "state = 'failed', problem = ?", number, str(error))


def retry_job(library: Library, number: int) -> None:
    """Puts a job that failed at the end of the queue again."""
    last = "(SELECT max(position) + 1 FROM jobs)"
    _update(library, f"state = 'waiting', problem = '', position = {last}", number)


def replace_job(library: Library, number: int, job: Job, brought: Brought = _NONE) -> None:
    """Another job waits at the end of the queue in place of this one."""
    last = "(SELECT max(position) + 1 FROM jobs)"
    change = f"state = 'waiting', problem = '', done = 0, position = {last}, job = ?, init_image = ?"
    _update(library, change, number, _to_json(job, brought), job.request.init_image)


def remove_job(library: Library, number: int) -> None:
    """Takes a job off the queue, because it is finished or cancelled."""
    with library.write() as connection:
        connection.execute("DELETE FROM jobs WHERE id = ?", (number,))


def remove_waiting(library: Library) -> None:
    """Cancels every job that waits."""
    with library.write() as connection:
        connection.execute("DELETE FROM jobs WHERE state = 'waiting'")


def order_jobs(library: Library, numbers: list[int]) -> None:
    """Puts the waiting jobs in this order."""
    with library.write() as connection:
        for position, number in enumerate(numbers):
            connection.execute("UPDATE jobs SET position = ? WHERE id = ?", (position, number))


def resume_jobs(library: Library) -> None:
    """At start-up: what was being worked on when the program ended waits again, before all others."""
    with library.write() as connection:
        ((first,),) = connection.execute("SELECT min(position) FROM jobs")
        connection.execute(
            "UPDATE jobs SET state = 'waiting', position = ? WHERE state = 'running'", ((first or 0) - 1,)
        )


def _update(library: Library, change: str, number: int, *values: Any) -> None:
    with library.write() as connection:
        connection.execute(f"UPDATE jobs SET {change} WHERE id = ?", (*values, number))


def _to_json(job: Job, brought: Brought) -> str:
    texts = {"prompt": job.request.prompt, "negative_prompt": job.request.negative_prompt}
    return json.dumps(
        {
            "request": {
                **settings_of(job.request),
                **texts,
                **_inpainting(job.request),
                "depth_map": _text(job.request.depth_map),
                "references": [base64.b64encode(data).decode() for data in job.request.references],
                "controls": [_control(each) for each in job.request.controls],
                "hires": asdict(job.request.hires) if job.request.hires else None,
                "refiner": asdict(job.request.refiner) if job.request.refiner else None,
                "id": job.request.id,
            },
            "model_folder": name_to_text(str(job.model_folder)),
            "refiner_folder": name_to_text(str(job.refiner_folder)) if job.refiner_folder else None,
            "backend": job.backend,
            "options": dict(job.options),
            "previews": job.previews,
            **brought.to_plain(),
        }
    )


def _inpainting(request: Request) -> dict[str, Any]:
    return {"mask": _text(request.mask), "feather": request.feather, "extend": request.extend}


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _data(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _control(control: Control) -> dict[str, Any]:
    return {**asdict(control), "image": base64.b64encode(control.image).decode()}


def _to_control(entries: dict[str, Any]) -> Control:
    told: dict[str, Any] = {**entries, "image": base64.b64decode(entries["image"])}
    return Control(**told)


def _request(entries: dict[str, Any], init_image: bytes | None) -> Request:
    mask, extend = entries.pop("mask", None), entries.pop("extend", (0, 0, 0, 0))
    references: list[str] = entries.pop("references", [])
    controls: list[dict[str, Any]] = entries.pop("controls", [])
    hires, refiner = entries.pop("hires", None), entries.pop("refiner", None)
    depth_map = _data(entries.pop("depth_map", None))
    return Request(
        **entries,
        init_image=init_image,
        mask=_data(mask),
        depth_map=depth_map,
        references=tuple(map(base64.b64decode, references)),
        controls=tuple(map(_to_control, controls)),
        extend=tuple(extend),
        hires=Hires(**hires) if hires else None,
        refiner=Refiner(**refiner) if refiner else None,
    )


def _to_queued(row: tuple[Any, ...]) -> QueuedJob:
    number, text, init_image, state, done, problem, added = row
    job, brought, broken = None, _NONE, ""
    try:
        job, brought = _from_json(text, init_image)
    except (ValueError, TypeError, KeyError, InvalidRequest) as error:
        broken = f"This job can't be read any more ({error}). Remove it."
    return QueuedJob(
        id=number,
        job=job,
        state=cast(State, "failed" if broken else state),
        done=done,
        problem=broken or problem,
        added=added,
        brought=brought,
    )


def _from_json(text: str, init_image: bytes | None) -> tuple[Job, Brought]:
    entries: dict[str, Any] = json.loads(text)
    refiner = entries.get("refiner_folder")
    job = Job(
        request=_request(entries["request"], init_image),
        model_folder=Path(text_to_name(entries["model_folder"])),
        backend=entries["backend"],
        options=entries["options"],
        previews=entries["previews"],
        refiner_folder=Path(text_to_name(refiner)) if refiner else None,
    )
    return job, from_plain(entries)
