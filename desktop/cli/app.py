"""Runs a command, and turns whatever goes wrong into a sentence and an exit code.

0: done. 1: it failed. 2: something asked for can't be used. 130: stopped by Ctrl+C.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings

from backends.core.contract import InternalError, MezzotintError
from backends.core.environment import be_offline, out_of_memory
from desktop.cli import arguments, crash
from desktop.cli.show import printable, say
from desktop.cli.stop import INTERRUPTED, Stop, stoppable


def run_command(words: list[str]) -> int:
    """Runs the command that these words ask for and returns its exit code. Never raises."""
    _be_offline_and_quiet()
    with stoppable() as stop:
        try:
            return _run(words, stop)
        except KeyboardInterrupt:
            return _say_stopped()
        except SystemExit as end:  # argparse, after --help and --version
            return int(end.code or 0)
        except BrokenPipeError:
            _let_go_of_stdout()
            return 1
        except MezzotintError as error:
            return _explain(error)
        except Exception as error:  # noqa: BLE001  the last resort: a report instead of a traceback
            return _say_stopped() if stop.asked else _explain(_as_our_own(error))


def _run(words: list[str], stop: Stop) -> int:
    _, options = arguments.parse(words)
    if isinstance(options, arguments.PlotOptions):
        from desktop.cli import plot

        return plot.run(options, stop)
    if isinstance(options, arguments.GenerateOptions):
        from desktop.cli import generate

        return generate.run(options, stop)
    if isinstance(options, arguments.LibraryOptions):
        from desktop.cli import library

        return library.run(options)
    if isinstance(options, arguments.CompareOptions):
        from desktop.cli import compare

        return compare.run(options)
    if isinstance(options, arguments.FitOptions):
        from desktop.cli import fit

        return fit.run(options)
    if isinstance(options, arguments.BenchOptions):
        from desktop.cli import bench

        return bench.run(options)
    if isinstance(options, arguments.ConvertOptions):
        from desktop.cli import convert

        return convert.run(options, stop)
    if isinstance(options, arguments.ModelsOptions):
        from desktop.cli import models

        return models.run(options)
    if isinstance(options, arguments.LorasOptions):
        from desktop.cli import loras

        return loras.run(options)
    if isinstance(options, arguments.DownloadOptions):
        from desktop.cli import download

        return download.run(options, stop)
    if isinstance(options, arguments.UpscaleOptions):
        from desktop.cli import upscale

        return upscale.run(options, stop)
    if isinstance(options, arguments.ImportOptions):
        from desktop.cli import import_file

        return import_file.run(options, stop)
    from desktop.cli import inspect

    return inspect.run_doctor(options)


def _be_offline_and_quiet() -> None:
    """Before the libraries are imported: they reach for the network and talk to the terminal otherwise."""
    be_offline()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say_stopped() -> int:
    say("Stopped.")
    return INTERRUPTED


def _explain(error: MezzotintError) -> int:
    if isinstance(error, InternalError) and error.report:
        error = crash.filed(error)
    say(printable(str(error)))
    return error.exit_code


def _as_our_own(error: Exception) -> MezzotintError:
    return out_of_memory(error) or crash.describe(error)


def _let_go_of_stdout() -> None:
    """The program that read our output is gone: keeps Python from complaining when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
