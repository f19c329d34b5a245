"""Samples of the intracranial border, kept on disk: no image of a head depends on the fold.

A head's first border comes from the ICV network that was not trained on it, whichever fold of the
border is trained. So each image is drawn when a step first asks for it, takes ten seconds once, and
serves all folds, also those that other processes train meanwhile.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from HypothalamusSegLib.results.atomic_files import atomic_files
from torch import nn

from .border_drawing import Border, WholeBorder, draw_borders, first_pass
from .head_samples import HeadSamples

IMAGES_PER_HEAD = 16
# One image in so many is as clean as most scans are.
MILD_EVERY = 4


@dataclass(frozen=True)
class BorderSource:
    """A label head, or a scan with an intracranial mask, and the network that draws its border.

    Attributes
    ----------
    prepared : Path
    kind : str
        "heads" or "scans".
    name : str
    coarse : Module
        An ICV network; one that was not trained on this head, or its errors are not those that it
        makes in a scan.
    """

    prepared: Path
    kind: str
    name: str
    coarse: nn.Module

    def heads(self) -> HeadSamples:
        names = {"heads": [], "scans": [], self.kind: [self.name]}
        return HeadSamples(self.prepared, **names, fine=True)

    @cached_property
    def fingerprint(self) -> str:
        """Of all that an image's border comes from."""
        digest = hashlib.sha256((self.prepared / self.kind / f"{self.name}.npz").read_bytes())
        for parameter in self.coarse.state_dict().values():
            digest.update(parameter.contiguous().numpy().tobytes())
        return digest.hexdigest()


class BorderSamples:
    """Borders in a fixed number of images of each source.

    Parameters
    ----------
    sources : list of BorderSource
    folder : Path
        Where borders are kept, one file an image.
    """

    def __init__(self, sources: list[BorderSource], folder: Path) -> None:
        self.sources = sources
        self._folder = folder
        self._known: dict[Path, list[list[np.ndarray]]] = {}

    def border(self, generator: torch.Generator, augment: bool) -> Border:
        """One border of one image, each as likely as any other; if augmented, in any contrast."""
        source = self.sources[_one_of(len(self.sources), generator)]
        number = _one_of(IMAGES_PER_HEAD, generator)
        mild = not augment or number % MILD_EVERY == 0
        found, moved = self._borders(source, number, mild)
        arrays = moved if augment and _one_of(2, generator) else found
        border = Border(*(torch.from_numpy(array).float() for array in arrays))
        return border.with_other_levels(generator) if augment else border

    def _borders(self, source: BorderSource, number: int, mild: bool) -> list[list[np.ndarray]]:
        style = "mild" if mild else "augmented"
        path = self._folder / source.name / f"{style}-{number:02d}.npz"
        if path not in self._known:
            found = _read(path, source.fingerprint)
            if found is None:
                # Seeded by what it is: the same whichever process draws it, and when.
                seed = zlib.crc32(f"{source.name} {style} {number}".encode())
                generator = torch.Generator().manual_seed(seed)
                drawn = draw_borders(source.heads(), source.coarse, mild, generator)
                found = [_to_half_precision(border) for border in drawn]
                _write(path, source.fingerprint, found)
            self._known[path] = found
        return self._known[path]


def validation_borders(sources: list[BorderSource]) -> Iterator[WholeBorder]:
    """Whole borders of mild images, always the same ones."""
    for source in sources:
        for image, icv, _, _ in source.heads().validation_samples():
            yield WholeBorder.of(first_pass(image, icv, source.coarse))


def _read(path: Path, fingerprint: str) -> list[list[np.ndarray]] | None:
    """Borders of one image; None if they are not there or come from something else."""
    try:
        with np.load(path) as stored:
            if str(stored["fingerprint"]) != fingerprint:
                return None
            names = [field.name for field in fields(Border)]
            count = int(stored["borders"])
            return [[stored[f"{name}{n}"] for name in names] for n in range(count)]
    except (FileNotFoundError, zipfile.BadZipFile):
        return None


def _write(path: Path, fingerprint: str, borders: list[list[np.ndarray]]) -> None:
    """Completely or not at all, even if another process writes the same file."""
    arrays = {
        f"{field.name}{n}": array
        for n, border in enumerate(borders)
        for field, array in zip(fields(Border), border, strict=True)
    }
    with atomic_files(path.parent) as stage:
        np.savez(stage / path.name, fingerprint=fingerprint, borders=len(borders), **arrays)


def _to_half_precision(border: Border) -> list[np.ndarray]:
    """Its tensors in half precision, which ends at 65504."""
    tensors = (getattr(border, field.name) for field in fields(Border))
    return [tensor.clamp(-60_000, 60_000).half().numpy() for tensor in tensors]


def _one_of(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
