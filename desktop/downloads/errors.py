"""What can go wrong with a download."""

from __future__ import annotations

from backends.core.contract import MezzotintError


class DownloadFailed(MezzotintError):
    """The model could not be fetched; what has come so far is kept where that helps."""


class NetworkOff(MezzotintError):
    """Mezzotint is set to use no network."""

    exit_code = 2


class NeedsToken(DownloadFailed):
    """The hub gives the model only to people who accepted its terms, and knows them by their token."""
