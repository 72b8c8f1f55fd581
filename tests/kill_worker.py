"""Kills the worker at random moments and counts how often its parent went on working.

python -m tests.kill_worker --times 50            with the fake engine
python -m tests.kill_worker --times 50 --real     with the starter model
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from backends.core.contract import Cancelled, Event, Failed, Finished, Job, Request, WorkerDied
from backends.core.worker_client import PIPELINE_ENGINE, Worker
from tests.fakes import FAKE_ENGINE, fake_job

PATIENCE = 180.0
STARTER = Path(__file__).parents[1] / "desktop" / "resources" / "starter"


def starter_job(folder: Path) -> Job:
    """A real job with the starter model, long enough to be met by most kills."""
    request = Request(
        prompt="a panda eating tacos at the beach",
        width=128,
        height=128,
        steps=60,
        guidance_scale=5.0,
        sampler="euler",
        seed=1,
    )
    return Job(request=request, model_folder=folder)


def outcome(worker: Worker, job: Job) -> str:
    """How a job ended, in a word."""
    while (message := worker.receive(PATIENCE)) is not None:
        if not isinstance(message, Event) or message.request_id != job.request.id:
            continue
        match message:
            case Finished():
                return "finished"
            case Failed(error=WorkerDied()):
                return "worker died"
            case Failed(error=error):
                return f"failed: {error}"
            case Cancelled():
                return "cancelled"
            case _:
                pass
    return "silence"


def kill_once(worker: Worker, new_job: Callable[[], Job], delay: float) -> tuple[str, str]:
    """Kills the child `delay` seconds into a job; how that job ended, and the next one."""
    job, following = new_job(), _shortened(new_job())
    worker.submit(job)
    time.sleep(delay)
    worker.end_child()  # SIGKILL
    first = outcome(worker, job)
    worker.submit(following)
    return first, outcome(worker, following)


def main() -> int:
    arguments = _arguments()
    template = starter_job(arguments.model) if arguments.real else fake_job("{step 0.03} {big}", steps=20)
    worker = Worker(PIPELINE_ENGINE if arguments.real else FAKE_ENGINE)
    dice, counts = random.Random(arguments.seed), Counter[tuple[str, str]]()
    longest = 6.0 if arguments.real else 0.7
    for number in range(1, arguments.times + 1):
        delay = dice.uniform(0, longest)
        result = kill_once(worker, lambda: _again(template), delay)
        counts[result] += 1
        print(f"{number:3}: killed after {delay:5.2f} s: {result[0]}; the next: {result[1]}", flush=True)
    worker.close()
    return _report(counts, arguments.times)


def _again(job: Job) -> Job:
    return replace(job, request=replace(job.request, id=uuid4().hex))


def _shortened(job: Job) -> Job:
    return replace(job, request=replace(job.request, steps=4))


def _report(counts: Counter[tuple[str, str]], times: int) -> int:
    good = sum(
        n
        for (first, then), n in counts.items()
        if first in ("finished", "worker died") and then == "finished"
    )
    print(f"The parent went on working {good} of {times} times.")
    return 0 if good == times else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--model", type=Path, default=STARTER)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
