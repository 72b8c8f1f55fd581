"""A dead child's exit code, in words."""

from __future__ import annotations

import signal

from backends.core.contract import WorkerDied

_RETRY = "Try again; if it happens again, choose another backend or a smaller picture."
_CRASHES = {-11: "SIGSEGV", -6: "SIGABRT", -4: "SIGILL", -7: "SIGBUS", -8: "SIGFPE"}
_WINDOWS_CRASHES = {
    0xC0000005: "access violation",
    0xC0000409: "stack overrun",
    0xC000001D: "bad instruction",
}
_WINDOWS_NO_MEMORY = 0xC0000017


def explain(exit_code: int | None) -> WorkerDied:
    """Why the child is gone, as far as its exit code tells."""
    if exit_code in (-9, _WINDOWS_NO_MEMORY):
        return WorkerDied(
            "The process that makes pictures was ended by the system, probably because memory ran out.",
            "Close other programs or use a smaller size, and try again.",
        )
    if crash := _CRASHES.get(exit_code or 0) or _WINDOWS_CRASHES.get((exit_code or 0) & 0xFFFFFFFF):
        return WorkerDied(f"The process that makes pictures crashed ({crash}).", _RETRY)
    return WorkerDied(f"The process that makes pictures ended unexpectedly ({_describe(exit_code)}).", _RETRY)


def not_started(error: OSError) -> WorkerDied:
    """The child could not even be started."""
    return WorkerDied(
        f"The process that makes pictures could not be started: {error.strerror or error}.",
        "Close other programs and try again.",
    )


def _describe(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
