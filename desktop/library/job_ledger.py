"""The queue in the database, for a window that knows its jobs by their requests' ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from backends.core.contract import Job, MezzotintError
from desktop.library import jobs
from desktop.library.brought import Brought
from desktop.library.database import Library

Post = Callable[[Callable[[Library], Any]], object]
"""Has something done with the library, later and in order."""


class JobLedger:
    """Writes every change of the queue down. A job that is no longer there is passed over."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def add(self, job: Job, brought: Brought, *, first: bool) -> None:
        """A job is in the queue."""
        self._post(lambda library: jobs.add_job(library, job, first=first, brought=brought))

    def begin(self, request_id: str) -> None:
        """It is being worked on."""
        self._with(request_id, jobs.start_job)

    def count_done(self, request_id: str, done: int) -> None:
        """So many of its pictures are durable."""
        self._with(request_id, lambda library, number: jobs.count_done(library, number, done))

    def fail(self, request_id: str, error: MezzotintError) -> None:
        """It could not be made."""
        self._with(request_id, lambda library, number: jobs.fail_job(library, number, error))

    def replace(self, request_id: str, job: Job, brought: Brought) -> None:
        """Another job waits at the end in its place."""
        self._with(request_id, lambda library, number: jobs.replace_job(library, number, job, brought))

    def remove(self, request_ids: Iterable[str]) -> None:
        """They are finished or cancelled."""
        for request_id in request_ids:
            self._with(request_id, jobs.remove_job)

    def order(self, request_ids: list[str]) -> None:
        """Those that wait stand in this order."""

        def order(library: Library) -> None:
            numbers = [jobs.job_number(library, request_id) for request_id in request_ids]
            jobs.order_jobs(library, [number for number in numbers if number is not None])

        self._post(order)

    def _with(self, request_id: str, act: Callable[[Library, int], object]) -> None:
        def do(library: Library) -> None:
            if (number := jobs.job_number(library, request_id)) is not None:
                act(library, number)

        self._post(do)
