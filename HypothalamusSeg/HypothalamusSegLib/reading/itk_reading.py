"""Use SimpleITK's readers and convert their errors to those of this package.

Examples
--------
>>> try:
...     with name_itk_failures(Path("head.mha")):
...         sitk.ReadImage("head.mha")
... except HypothalamusSegError as error:
...     print(error.code)
corrupt_file
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import SimpleITK as sitk

from ..errors import (
    ColourImageError,
    CorruptFileError,
    HypothalamusSegError,
    NoSpatialInformationError,
    OutOfMemoryError,
)
from .voxel_stream import spatial_shape

COMPLEX_TYPES = (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)
# In Windows, ITK opens files by names in the code page of the process, which is rarely UTF-8.
LOSES_LETTERS = os.name == "nt"


@contextmanager
def name_for_itk(path: Path) -> Iterator[str]:
    """Yield a name by which ITK finds a file, also in C:/Users/Jürgen.

    There the working folder is that of the file for as long as it is read. If the letters are in
    the file's own name, nothing helps.
    """
    if not LOSES_LETTERS or str(path.absolute()).isascii() or not path.name.isascii():
        yield str(path)
        return
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        yield path.name
    finally:
        os.chdir(before)


@contextmanager
def name_itk_failures(path: Path) -> Iterator[None]:
    """Convert ITK exceptions to ours and hide its warnings from the user."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        raise _name_failure(path, str(error)) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _name_failure(path: Path, text: str) -> HypothalamusSegError:
    if "bad_alloc" in text or "allocate memory" in text:
        return OutOfMemoryError(
            "Not enough memory to read {path}. Close other programs and try again.", path=path
        )
    if "Zero-valued spacing" in text or "determinant is 0" in text:
        return NoSpatialInformationError(
            "{path} has a voxel size of 0 or invalid directions, so its position in the "
            "patient is unknown. Convert it again from DICOM.",
            path=path,
        )
    return CorruptFileError(
        "{path} is truncated or damaged, or its content does not match its name. Copy or "
        "export it again.",
        path=path,
    )


def several_values_error(path: Path) -> ColourImageError:
    """Create the error for an image with more than one value per voxel."""
    return ColourImageError(
        "{path} has more than one value per voxel (color, vectors or complex numbers), but a "
        "T1-weighted scan has one. Use the original grayscale scan.",
        path=path,
    )


def take_grey_frame(image: sitk.Image, path: Path) -> sitk.Image:
    """Extract the single three-dimensional grayscale frame of an image, as float32.

    Raises
    ------
    ColourImageError
        Several values per voxel.
    SeveralFramesError
        More than one frame.
    """
    if image.GetNumberOfComponentsPerPixel() > 1 or image.GetPixelID() in COMPLEX_TYPES:
        raise several_values_error(path)
    spatial_shape(image.GetSize(), path)
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    while image.GetDimension() > 3:
        image = sitk.Extract(image, [*image.GetSize()[:-1], 0], [0] * image.GetDimension())
    if image.GetPixelIDTypeAsString().startswith("vector"):
        image = sitk.VectorIndexSelectionCast(image, 0)
    return sitk.Cast(image, sitk.sitkFloat32)
