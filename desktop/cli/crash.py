"""The last resort: a defect of ours becomes a sentence, and a report in a file."""

from __future__ import annotations

import datetime
import platform
import sys
import traceback

from backends.core.contract import InternalError, MezzotintError
from desktop.library import paths, saving

_SENTENCE = "Something went wrong inside Mezzotint"


def describe(error: Exception) -> InternalError:
    """The error as a defect of ours, with its technical report."""
    report = "".join(traceback.format_exception(error))
    return InternalError(f"{_SENTENCE} ({type(error).__name__}).", "Please report it.", report)


def filed(error: InternalError) -> InternalError:
    """The same error, its report now in a file that its action names."""
    now = datetime.datetime.now(datetime.UTC)
    about = f"{now.isoformat()}\nPython {sys.version}\n{platform.platform()}\n{sys.argv}\n\n{error.report}"
    folder = paths.reports_folder()
    try:
        saving.make_folder(folder)
        data = about.encode("utf-8", "backslashreplace")
        path = saving.save_new(data, folder, f"report-{now:%Y-%m-%d-%H%M%S}", ".txt")
    except MezzotintError:
        last = error.report.strip().splitlines()[-1][:300]
        return InternalError(error.message, f"Please report it with these words: {last}")
    return InternalError(error.message, f"Please report it; the details are in {path}.")
