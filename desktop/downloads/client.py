"""The one door to the network: no client is made while Mezzotint is set to be offline."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from desktop.downloads.errors import NetworkOff
from desktop.library.settings_file import SettingsUnreadable, merge_settings, read_settings, settings_path

if TYPE_CHECKING:
    from httpx2 import Client

HUB = "https://huggingface.co"
_ANSWER_SECONDS = 30.0
"""A server that sends nothing for so long is taken to be gone; what has come stays."""


def endpoint() -> str:
    """The hub, or the mirror that HF_ENDPOINT names, without a "/" at its end."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def is_offline() -> bool:
    """Whether the settings forbid every use of the network. They do until somebody says otherwise."""
    try:
        return read_settings(settings_path()).get("offline") is not False
    except SettingsUnreadable:
        return True


def set_offline(offline: bool) -> None:
    """Writes the choice into the settings, which the window shares. Raises MezzotintError."""
    merge_settings(settings_path(), {"offline": offline})


def open_client(token: str | None = None, seconds: float = _ANSWER_SECONDS) -> Client:
    """A client for the hub. Raises NetworkOff.

    The token goes to the endpoint alone: httpx drops it when a redirect leads to another host, as the
    hub's do, and it is never sent in the open to another machine.
    """
    if is_offline():
        raise NetworkOff(
            "Mezzotint is set to use no network.",
            "Turn Offline off in Settings, or by `mezzotint download --online`.",
        )
    import httpx2

    headers = {"user-agent": f"mezzotint/{version('mezzotint')}", "accept-encoding": "identity"}
    if token and _is_private(endpoint()):
        headers["authorization"] = f"Bearer {token}"
    timeout: Any = httpx2.Timeout(seconds)
    return httpx2.Client(headers=headers, timeout=timeout, follow_redirects=True, max_redirects=5)


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
