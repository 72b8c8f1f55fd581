"""One window at a time: a second start shows the first one's window and ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDir, QLockFile, QObject, QThread
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from desktop.library import paths

_WAIT_MS = 1000
_PAUSE_MS = 50
_WORD = b"show yourself\n"


class OnlyOne(QObject):
    """The first window of one library has the claim; a later start asks it to show itself.

    It is a socket of this computer and this user alone, and no network.
    """

    def __init__(self, home: Path | None = None) -> None:
        super().__init__()
        self._name = socket_name(home or paths.library_folder())
        self._server = QLocalServer(self)
        self._lock = QLockFile(str(Path(QDir.tempPath(), f"{self._name}.lock")))
        self._lock.setStaleLockTime(0)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)

    def claim(self) -> bool:
        """Whether this is the first; otherwise the first one has been asked to show itself."""
        if self._ask_first() or (self._somebody_begins() and self._ask_soon()):
            return False
        QLocalServer.removeServer(self._name)  # of a program that was killed
        self._server.listen(self._name)
        return True

    def answer(self, show: Callable[[], None]) -> None:
        """From now on `show` is called whenever somebody starts the program again, or has meanwhile."""
        self._server.newConnection.connect(lambda: self._answer(show))
        self._answer(show)

    def close(self) -> None:
        """Nobody answers any more."""
        self._server.close()
        self._lock.unlock()

    def _somebody_begins(self) -> bool:
        """Whether another start is between looking and listening. A killed one's lock counts for nothing."""
        return not self._lock.tryLock(0) and self._lock.error() == QLockFile.LockError.LockFailedError

    def _ask_soon(self) -> bool:
        return any(self._ask_first() or QThread.msleep(_PAUSE_MS) for _ in range(_WAIT_MS // _PAUSE_MS))

    def _ask_first(self) -> bool:
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        socket.write(_WORD)
        socket.waitForBytesWritten(_WAIT_MS)
        socket.disconnectFromServer()
        return True

    def _answer(self, show: Callable[[], None]) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            show()


def socket_name(home: Path) -> str:
    """A name for the library in this folder; another MEZZOTINT_HOME may have a window of its own."""
    digest = hashlib.sha256(str(home.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
    return f"mezzotint-{digest[:16]}"
