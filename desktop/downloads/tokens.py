"""The hub's token, for models that are given only to people who accepted their terms.

It is kept in the system's keyring by the keyring library, which is optional. Never in a file of ours, and
never on the command line, where other programs could read it.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from backends.core.contract import InvalidRequest, MezzotintError
from desktop.downloads.client import endpoint

_SERVICE = "Mezzotint"
_OTHERWISE = "Or set HF_TOKEN for the one command."


class NoKeyring(MezzotintError):
    """There is no keyring, or it is locked."""


def find_token() -> str | None:
    """HF_TOKEN; else the keyring's for this endpoint; else, for the hub, what `hf auth login` stored."""
    if token := os.environ.get("HF_TOKEN", "").strip():
        return token
    try:
        kept = _keyring().get_password(_SERVICE, endpoint())
    except NoKeyring:
        kept = None
    except Exception:  # noqa: BLE001  each system's keyring fails in its own way; then there is no token
        kept = None
    return kept or _of_the_hubs_own_program()


def keep_token(token: str) -> None:
    """Keeps it for this endpoint. Raises InvalidRequest or NoKeyring."""
    if not token.isascii() or not token.isprintable() or not 8 <= len(token) <= 500 or " " in token:
        raise InvalidRequest("That is no token.", f"Copy it from {endpoint()}/settings/tokens.")
    _ask(lambda ring: ring.set_password(_SERVICE, endpoint(), token))


def forget_token() -> None:
    """Removes it from the keyring. Raises NoKeyring."""
    _ask(lambda ring: ring.delete_password(_SERVICE, endpoint()))


def _ask(question: Any) -> None:
    try:
        question(_keyring())
    except NoKeyring:
        raise
    except Exception as error:
        raise NoKeyring(f"The system's keyring refused ({type(error).__name__}).", _OTHERWISE) from error


def _keyring() -> Any:
    try:
        return importlib.import_module("keyring")
    except ImportError as error:
        raise NoKeyring(
            "The library for the system's keyring is not installed.",
            f"Install it by `pip install mezzotint[keyring]`. {_OTHERWISE}",
        ) from error


def _of_the_hubs_own_program() -> str | None:
    if not endpoint().startswith("https://huggingface.co"):
        return None
    from huggingface_hub import get_token

    return get_token()
