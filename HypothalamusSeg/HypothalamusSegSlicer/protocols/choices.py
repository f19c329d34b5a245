"""The protocols that a user can choose from, in Slicer's settings.

The choice belongs to the computer, not to the scene: a scene from elsewhere does not change whose
outlines are drawn, and a new scene does not silently go back to the published protocol.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer
from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.measures.protocol import PUBLISHED, Protocol, read_protocol
from HypothalamusSegLib.networks.weight_files import (
    check_weights,
    default_weights_folder,
    weights_folder,
)

FOLDERS_SETTING = "HypothalamusSeg/ProtocolFolders"
CHOSEN_SETTING = "HypothalamusSeg/ChosenProtocolFolder"


@dataclass(frozen=True)
class ProtocolChoice:
    """A protocol to choose.

    Attributes
    ----------
    folder : str
        Of its weights; empty for those of the package.
    name : str
        As it was read last, for a folder that cannot be read now.
    protocol : Protocol or None
        None if it cannot be read.
    problem : str
        Why it cannot be used, in a sentence; empty if it can.
    """

    folder: str
    name: str
    protocol: Protocol | None
    problem: str = ""

    @property
    def weights(self) -> str | None:
        """For `Options.weights`."""
        return self.folder or None


def published() -> ProtocolChoice:
    """The protocol of the networks that come with the extension."""
    return ProtocolChoice("", PUBLISHED.name, PUBLISHED)


def all_choices() -> list[ProtocolChoice]:
    """The published protocol and all that were added, read anew."""
    return [published(), *(_look_at(folder, name) for folder, name in _folders().items())]


def chosen() -> ProtocolChoice:
    """The protocol for new results, read anew; one that cannot be used is still the chosen one."""
    folder = str(slicer.app.settings().value(CHOSEN_SETTING) or "")
    folders = _folders()
    return _look_at(folder, folders[folder]) if folder in folders else published()


def choose(folder: str) -> None:
    """Remember which protocol new results are drawn by; empty: the published one."""
    slicer.app.settings().setValue(CHOSEN_SETTING, folder)


def add(path: Path) -> ProtocolChoice:
    """Add a folder of weights, after all its files were checked.

    Raises
    ------
    WeightsError
        If it cannot be used; then nothing is remembered.
    """
    folder = path.resolve()
    if folder == default_weights_folder().resolve():
        return published()
    protocol = read_protocol(weights_folder(str(folder)))
    check_weights(folder)
    _remember({**_folders(), str(folder): protocol.name})
    return ProtocolChoice(str(folder), protocol.name, protocol)


def forget(folder: str) -> None:
    """Take a folder off the list; its files are not touched."""
    _remember({known: name for known, name in _folders().items() if known != folder})


def labels_of(choices: Sequence[ProtocolChoice]) -> list[str]:
    """One name for each choice; those with equal names are told apart by their folders."""
    names = [choice.name for choice in choices]
    with_folder = [_with(choice.name, Path(choice.folder).name) for choice in choices]
    labels = []
    for choice, name, longer in zip(choices, names, with_folder, strict=True):
        label = name if names.count(name) == 1 or not choice.folder else longer
        labels.append(_with(name, choice.folder) if with_folder.count(label) > 1 else label)
    return labels


def _with(name: str, folder: str) -> str:
    return f"{name} – {folder}" if folder else name


def _look_at(folder: str, name: str) -> ProtocolChoice:
    try:
        protocol = read_protocol(weights_folder(folder))
    except WeightsError as error:
        return ProtocolChoice(folder, name, None, str(error))
    return ProtocolChoice(folder, protocol.name, protocol)


def _folders() -> dict[str, str]:
    """Names of the protocols by folder, in the order in which they were added."""
    try:
        found = json.loads(slicer.app.settings().value(FOLDERS_SETTING) or "{}")
    except (TypeError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {folder: str(name) for folder, name in found.items() if folder}


def _remember(folders: dict[str, str]) -> None:
    slicer.app.settings().setValue(FOLDERS_SETTING, json.dumps(folders))
