"""The parent's handle on the child process. No Qt, no torch.

A supervisor thread starts the child, listens to it, and when it dies, whatever the moment, says so
to the request that was running, keeps the others and starts another. Nothing here blocks the caller.
"""

from __future__ import annotations

import pickle
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from backends.core import worker_death
from backends.core.contract import Cancelled, Event, Failed, Finished, Job, WorkerDied
from backends.core.worker_messages import (
    Begun,
    Cancel,
    FromChild,
    Look,
    Looked,
    Message,
    Question,
    Shutdown,
    ToChild,
    Weighed,
    WorkerReady,
    WorkerStopped,
)
from backends.core.worker_process import Child

PIPELINE_ENGINE = "backends.core.worker:PipelineEngine"
_LAST_EVENTS = (Finished, Cancelled, Failed)
_ATTEMPTS = 2
"""A job that no child lived long enough to begin is given to this many children before it fails."""
_CLOSING_SECONDS = 1.0


class Worker:
    """Sends jobs to a child process and receives what happens to them.

    Every submitted job ends in exactly one Finished, Cancelled or Failed. `on_message` is called, in
    another thread, whenever `receive` has something. `engine` names what makes the pictures
    ("module:attribute", see worker.Engine).
    """

    def __init__(
        self, engine: str = PIPELINE_ENGINE, *, on_message: Callable[[], None] = lambda: None
    ) -> None:
        self._engine = engine
        self._on_message = on_message
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._change = threading.Condition()
        self._jobs: dict[str, _Entry] = {}
        self._unanswered: set[str] = set()
        self._cancelled: set[str] = set()
        self._questions: dict[str, Question] = {}
        self._child: Child | None = None
        self._wanted = False
        self._again = False
        self._closing = False
        self._supervisor = threading.Thread(target=self._supervise, name="worker-supervisor", daemon=True)
        self._supervisor.start()

    # --- for the caller ---

    def start(self) -> None:
        """Starts the child, which warms up. Without it the first job does."""
        with self._change:
            self._wanted = True
            self._change.notify_all()

    def submit(self, job: Job) -> None:
        """Queues a job behind those already submitted."""
        packed, request_id = _pack(job), job.request.id
        with self._change:
            if self._closing or request_id in self._unanswered:
                raise ValueError("the worker is closed, or this request is already with it")
            self._jobs[request_id] = _Entry(packed)
            self._unanswered.add(request_id)
            if self._child is not None:
                self._child.outbox.put(packed)
            self._change.notify_all()

    def cancel(self, request_id: str) -> None:
        """Stops a job before its next step. Of its events only Cancelled is still received."""
        with self._change:
            if request_id not in self._unanswered:
                return
            self._cancelled.add(request_id)
            if self._child is not None and request_id in self._jobs:
                self._child.outbox.put(_pack(Cancel(request_id)))

    def ask(self, question: Question) -> None:
        """Has the child read a picture, or weigh one: the answer is a Looked or Weighed with its key."""
        with self._change:
            self._questions[question.key] = question
            if self._child is not None:
                self._child.outbox.put(_pack(question))
            self._wanted = self._child is None
            self._change.notify_all()

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message, or None after `timeout` seconds (None: never) or once closed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (message := self._next(deadline)) is not None:
            if (current := self._current(message)) is not None:
                return current
        return None

    def end_child(self) -> None:
        """Ends the child at once, and with that gives back all its memory. The next job starts another."""
        with self._change:
            if self._child is not None:
                self._child.process.kill()

    def restart_child(self) -> None:
        """Ends the child at once and starts another, which looks at the machine anew."""
        with self._change:
            self._again = self._child is not None
            self._wanted = True
            self._change.notify_all()
        self.end_child()

    def close(self) -> None:
        """Ends the child and the threads. What was running is dropped."""
        with self._change:
            self._closing = True
            if self._child is not None:
                self._child.outbox.put(_pack(Shutdown()))
            self._change.notify_all()
        self._supervisor.join(_CLOSING_SECONDS)
        self.end_child()
        self._supervisor.join()

    @property
    def child_pid(self) -> int | None:
        """The child's process id while there is one."""
        with self._change:
            return self._child.process.pid if self._child else None

    # --- receiving ---

    def _next(self, deadline: float | None) -> Message | None:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            message = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return None
        if message is None:
            self._inbox.put(None)  # closed, and stays so for whoever asks next
        return message

    def _current(self, message: Message) -> Message | None:
        """The message as the caller should see it, or None for a late one of a cancelled job."""
        if not isinstance(message, Event):
            return message
        request_id, last = message.request_id, isinstance(message, _LAST_EVENTS)
        with self._change:
            cancelled = request_id in self._cancelled
            if last:
                self._unanswered.discard(request_id)
                self._cancelled.discard(request_id)
        if not cancelled:
            return message
        return Cancelled(request_id) if last else None

    def _tell(self, message: Message | None) -> None:
        self._inbox.put(message)
        self._on_message()

    # --- the supervisor's thread ---

    def _supervise(self) -> None:
        while self._is_wanted():
            self._live_with_a_child()
        self._tell(None)

    def _is_wanted(self) -> bool:
        with self._change:
            self._change.wait_for(lambda: self._closing or self._wanted or self._jobs)
            return not self._closing

    def _live_with_a_child(self) -> None:
        try:
            child = Child(self._engine)
        except OSError as error:
            return self._bury(worker_death.not_started(error))
        self._adopt(child)
        for message in child.messages():
            self._take(message)
        exit_code = child.reap()
        return self._bury(worker_death.explain(exit_code))

    def _adopt(self, child: Child) -> None:
        with self._change:
            self._child = child
            self._wanted = False
            questions = [_pack(question) for question in self._questions.values()]
            for packed in [*questions, *(entry.packed for entry in self._jobs.values())]:
                child.outbox.put(packed)
            for request_id in self._cancelled & self._jobs.keys():
                child.outbox.put(_pack(Cancel(request_id)))
            if self._closing:
                child.process.kill()

    def _take(self, message: FromChild) -> None:
        match message:
            case Begun():
                self._mark_begun(message.request_id)
            case Event():
                if isinstance(message, _LAST_EVENTS):
                    with self._change:
                        self._jobs.pop(message.request_id, None)
                self._tell(message)
            case Looked() | Weighed():
                with self._change:
                    self._questions.pop(message.key, None)
                self._tell(message)
            case WorkerReady():
                self._tell(message)

    def _mark_begun(self, request_id: str) -> None:
        with self._change:
            if entry := self._jobs.get(request_id):
                entry.begun = True

    def _bury(self, death: WorkerDied) -> None:
        """Answers for the job the child took with it; the others stay for the next child."""
        with self._change:
            self._child = None
            self._wanted, self._again = self._again, False
            lost, idle = self._lost_job(), not self._jobs
            if lost is not None:
                del self._jobs[lost]
            unanswered = list(self._questions.values())
            self._questions.clear()
        if self._closing:
            return
        for question in unanswered:
            self._tell(_without_answer(question, death))
        if lost is not None:
            self._tell(Failed(lost, death))
        elif idle:
            self._tell(WorkerStopped(death.message))

    def _lost_job(self) -> str | None:
        """The job that was running, or the first in line when children keep dying before they begin."""
        for request_id, entry in self._jobs.items():
            entry.attempts += 1
            exhausted = entry.attempts >= _ATTEMPTS
            return request_id if entry.begun or exhausted else None
        return None


@dataclass
class _Entry:
    """A job that has not ended: ready to be sent again when its child dies before beginning it."""

    packed: bytes
    begun: bool = False
    attempts: int = 0


def _without_answer(question: Question, death: WorkerDied) -> Looked | Weighed:
    return Looked(question.key, problem=death) if isinstance(question, Look) else Weighed(question.key)


def _pack(message: ToChild) -> bytes:
    return pickle.dumps(message)
