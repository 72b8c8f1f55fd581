"""Commands of ours in processes of their own, for the window: what they print comes line by line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer
from shiboken6 import isValid

Said = Callable[[str], object]
Ended = Callable[[int], object]
_PATIENCE_MS = 5000


class Child(QObject):
    """One command. `stop` asks it to end, and ends it when it doesn't; `ended` is called in any case."""

    def __init__(self, parent: QObject, words: Sequence[str], said: Said, ended: Ended) -> None:
        super().__init__(parent)
        self._said, self._ended, self._rest, self._over = said, ended, b"", False
        self._process = QProcess(self)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(lambda code, _: self._end(code))
        self._process.errorOccurred.connect(self._failed)
        self._process.start(sys.executable, ["-m", *words])

    @property
    def pid(self) -> int:
        """The process's id while it runs, else 0."""
        return int(self._process.processId())

    def stop(self) -> None:
        """As Ctrl+C does, so that it can tidy up; five seconds later, by force."""
        if self.pid and os.name != "nt":
            os.kill(self.pid, signal.SIGINT)
            QTimer.singleShot(_PATIENCE_MS, self._process, self._process.kill)
        else:
            self._process.kill()

    def finish(self) -> None:
        """Ends it now and waits until it is gone. Nothing is said any more."""
        self._over = True
        self.stop()
        if not self._process.waitForFinished(_PATIENCE_MS):
            self._process.kill()
            self._process.waitForFinished(_PATIENCE_MS)

    def _read(self) -> None:
        data = self._rest + bytes(self._process.readAllStandardOutput().data())
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if text and not self._over:
            self._said(text)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._end(-1)

    def _end(self, code: int) -> None:
        if not isValid(self._process):  # it says so once more while it is taken apart with the window
            return
        self._read()
        self._say(self._rest)
        over, self._over = self._over, True
        if not over:
            self._ended(code)
        self.deleteLater()


class Children(QObject):
    """Starts commands, and ends those that still run when the window closes."""

    def start(self, words: Sequence[str], said: Said, ended: Ended) -> Child:
        """Runs `python -m WORDS`. `said` is given each line, `ended` the exit code, in this thread."""
        return Child(self, words, said, ended)

    def close(self) -> None:
        """Ends every command that runs."""
        for child in self.findChildren(Child):
            child.finish()


def _environment() -> QProcessEnvironment:
    """Ours, but modules are found where this program is and not in the folder it was started from."""
    environment = QProcessEnvironment.systemEnvironment()
    root = str(Path(__file__).parents[1])
    known = environment.value("PYTHONPATH")
    environment.insert("PYTHONPATH", os.pathsep.join([root, known]) if known else root)
    environment.insert("PYTHONSAFEPATH", "1")
    environment.insert("PYTHONIOENCODING", "utf-8")
    return environment
