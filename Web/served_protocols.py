"""Whose outlines a visitor may choose: the protocols that the server was started with.

A visitor chooses a name. The folders never leave the server, and no request can name one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from HypothalamusSegLib.errors import WeightsError
from HypothalamusSegLib.measures.protocol import PUBLISHED, read_protocol
from HypothalamusSegLib.networks.weight_files import weights_folder

# In the place of a folder, the networks of the package.
PUBLISHED_WORD = "published"


@dataclass(frozen=True)
class ServedProtocols:
    """Names of protocols and the folders of their weights; None: those of the package.

    The first is what a visitor has who chooses none.
    """

    folders: tuple[tuple[str, Path | None], ...] = ((PUBLISHED.name, None),)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.folders)

    @property
    def is_choice(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.folders) > 1

    @property
    def paths(self) -> tuple[Path, ...]:
        """Folders that workers must be able to read, beside that of the package."""
        return tuple(folder for _, folder in self.folders if folder is not None)

    def weights(self, name: str | None) -> str | None:
        """The folder of a protocol's weights, for `Options`; of the first if none is named."""
        folder = dict(self.folders)[name or self.names[0]]
        return None if folder is None else str(folder)


def read_served(chosen: Sequence[str]) -> ServedProtocols:
    """Read the protocols of the folders that the server is started with.

    Parameters
    ----------
    chosen : sequence of str
        Folders, or the word ``published``; empty: the published protocol alone.

    Raises
    ------
    WeightsError
        If a folder cannot be used, or two protocols have one name.
    """
    found: dict[str, Path | None] = {}
    for word in chosen or (PUBLISHED_WORD,):
        folder = None if word == PUBLISHED_WORD else Path(word).resolve()
        name = read_protocol(weights_folder(str(folder) if folder else None)).name
        if name in found:
            raise WeightsError(
                f"Two of the protocols are called “{name}”, so visitors could not tell them apart. "
                "Leave one out, or adapt again with another name."
            )
        found[name] = folder
    return ServedProtocols(tuple(found.items()))
