"""Make the DICOM objects of a result and write them to a folder.

Examples
--------
>>> source = read_source_series(scan.slice_files, scan.volume.grid)  # doctest: +SKIP
>>> make_objects(contents, source).save(Path("out"), "head")  # doctest: +SKIP
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import DicomSourceError
from .contents import DicomContents
from .highdicom_package import import_highdicom
from .measurement_report import make_report
from .new_series import new_series
from .overview_capture import make_capture
from .segmentation_object import make_segmentation
from .source_header import CHARACTER_SET
from .source_series import SourceSeries

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATION, MEASUREMENTS, OVERVIEW = "segmentation", "measurements", "overview"


@dataclass(frozen=True)
class DicomObjects:
    """New objects, by kind: ``segmentation``, ``measurements`` and maybe ``overview``."""

    by_kind: dict[str, Dataset]

    def save(self, folder: Path, name: str, kinds: tuple[str, ...] | None = None) -> list[Path]:
        """Write ``NAME_KIND.dcm``; raises OSError, also if a file of this name is there.

        Parameters
        ----------
        folder : Path
        name : str
        kinds : tuple of str or None
            Which to write; None: all.
        """
        files = []
        for kind, dataset in self.by_kind.items():
            if kinds is None or kind in kinds:
                file = folder / f"{name}_{kind}.dcm"
                dataset.save_as(file, enforce_file_format=True, overwrite=False)
                files.append(file)
        return files


def make_objects(
    contents: DicomContents, source: SourceSeries, picture: np.ndarray | None = None
) -> DicomObjects:
    """Make segmentation and report, and a Secondary Capture of a picture.

    Parameters
    ----------
    contents : DicomContents
        With masks on the grid of ``source``.
    source : SourceSeries
    picture : ndarray of uint8, shape (rows, columns, 3), or None

    Raises
    ------
    DicomPackageMissingError
    DicomSourceError
        The headers of the source do not allow it, or no structure has a voxel.
    """
    import_highdicom()
    with _name_failures():
        segmentation = make_segmentation(contents, source, new_series(SEGMENTATION, source))
        report = make_report(contents, source, segmentation, new_series(MEASUREMENTS, source))
        made = {SEGMENTATION: segmentation, MEASUREMENTS: report}
        if picture is not None:
            series = new_series(OVERVIEW, source)
            made[OVERVIEW] = make_capture(picture, contents, source, series)
        for dataset in made.values():
            # Versions of highdicom differ in what they take from the source here.
            dataset.SpecificCharacterSet = CHARACTER_SET
    return DicomObjects(made)


@contextmanager
def _name_failures() -> Iterator[None]:
    """Convert what highdicom and pydicom raise on headers that they do not accept."""
    try:
        with warnings.catch_warnings():
            # Values copied from the source as they are; the user cannot change them here.
            warnings.simplefilter("ignore")
            yield
    except (AttributeError, KeyError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise DicomSourceError(
            "The DICOM objects could not be made from these headers ({reason}). The other results "
            "are complete. Export the series again from the archive.",
            reason=f"{type(error).__name__}: {error}",
        ) from error
