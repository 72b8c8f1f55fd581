"""One window at a time: a second start shows the first one's window and ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from desktop.library import paths

_WAIT_MS = 1000
_WORD = b"show yourself\n"


class OnlyOne(QObject):
    """The first window of one library listens; `ask_first` reaches it from a later start.

    It is a socket of this computer and this user alone, and no network.
    """

    def __init__(self, home: Path | None = None) -> None:
        super().__init__()
        self._name = socket_name(home or paths.library_folder())
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)

    def ask_first(self) -> bool:
        """Asks the window that is there already to show itself. False: there is none."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        socket.write(_WORD)
        socket.waitForBytesWritten(_WAIT_MS)
        socket.disconnectFromServer()
        return True

    def listen(self, show: Callable[[], None]) -> None:
        """From now on `show` is called whenever somebody starts the program again."""
        if not self._server.listen(self._name):
            QLocalServer.removeServer(self._name)  # of a program that was killed
            self._server.listen(self._name)
        self._server.newConnection.connect(lambda: self._answer(show))

    def close(self) -> None:
        """Nobody answers any more."""
        self._server.close()

    def _answer(self, show: Callable[[], None]) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            show()


def socket_name(home: Path) -> str:
    """A name for the library in this folder; another MEZZOTINT_HOME may have a window of its own."""
    digest = hashlib.sha256(str(home.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
    return f"mezzotint-{digest[:16]}"
