"""Everything in this program that could ever use the network. A list that grows only on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.model.language import tr


@dataclass(frozen=True)
class NetworkUse:
    """One thing that could reach out: what it is, and what it would send or fetch."""

    title: str
    what: str


def network_uses() -> Mapping[str, NetworkUse]:
    """By id. None is ever done by itself, and none at all while Offline is on."""
    return {
        "models": NetworkUse(
            tr("Model downloads"),
            tr(
                "Only when you ask for one, in Models or with `mezzotint download`: its list and its files "
                "come from huggingface.co, or the mirror that HF_ENDPOINT names; a token goes there only "
                "if you gave one."
            ),
        ),
        "updates": NetworkUse(tr("Updates"), tr("Mezzotint never looks for them.")),
        "reports": NetworkUse(tr("Reports"), tr("Nothing is ever sent. You copy a report yourself.")),
        "libraries": NetworkUse(
            tr("Libraries that pictures are made with"),
            tr("Told to stay offline before they start: no telemetry, no files from a hub."),
        ),
    }
