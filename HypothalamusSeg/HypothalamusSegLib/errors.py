"""Expected failures, with messages for the user.

Every message says what happened, in which file, and what to do. ``code`` appears in the JSON error
events of the command line and never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class HypothalamusSegError(Exception):
    """Base class of all expected failures.

    Parameters
    ----------
    message : str
        With fields, a template for `str.format`.
    **fields : object
        Values that the message names: paths, counts, names.

    Examples
    --------
    >>> error = CorruptFileError("{path} is truncated.", path=Path("scans") / "head.nii")
    >>> error.describe(lambda path: path.name)
    'head.nii is truncated.'
    """

    code: str = "error"

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message)
        self.fields = fields

    def __str__(self) -> str:
        return self.describe(str)

    def describe(self, show_path: Callable[[Path], str]) -> str:
        """Return the message with paths as ``show_path`` gives them."""
        message = str(self.args[0])
        if not self.fields:
            return message
        shown = {
            name: show_path(value) if isinstance(value, Path) else value
            for name, value in self.fields.items()
        }
        return message.format(**shown)


class NotAnImageError(HypothalamusSegError):
    """The path does not exist or is not an image in a supported format."""

    code = "not_an_image"


class CorruptFileError(HypothalamusSegError):
    """The file is truncated or damaged, or its content does not match its name."""

    code = "corrupt_file"


class SeveralSeriesError(HypothalamusSegError):
    """A folder contains more than one DICOM series; the message lists them."""

    code = "several_series"


class SeveralFramesError(HypothalamusSegError):
    """More than one volume: time points, echoes, or slices of several orientations."""

    code = "several_frames"


class ColourImageError(HypothalamusSegError):
    """More than one value per voxel: color, vectors or complex numbers."""

    code = "colour_image"


class NoSpatialInformationError(HypothalamusSegError):
    """The file does not say how its voxels are placed in the patient."""

    code = "no_spatial_information"


class SmallerThanHeadError(HypothalamusSegError):
    """Field of view or number of voxels too small for a head."""

    code = "smaller_than_head"


class EmptyImageError(HypothalamusSegError):
    """All voxels have the same value, or none has a finite value."""

    code = "empty_image"


class VoxelSizeError(HypothalamusSegError):
    """Voxels too small or too large for a head scan in millimeters."""

    code = "voxel_size"


class OutOfMemoryError(HypothalamusSegError):
    """The machine has too little free memory."""

    code = "out_of_memory"


class NoSpaceLeftError(HypothalamusSegError):
    """The disk is full."""

    code = "no_space_left"


class PermissionDeniedError(HypothalamusSegError):
    """No permission to read a file or to write to a folder."""

    code = "permission_denied"


class WeightsError(HypothalamusSegError):
    """A weights file is missing or its checksum differs from the manifest."""

    code = "weights"


class TorchUnusableError(HypothalamusSegError):
    """PyTorch is missing or cannot be loaded."""

    code = "torch_unusable"


class HeadNotFoundError(HypothalamusSegError):
    """The scan shows no head."""

    code = "head_not_found"


class CancelledError(HypothalamusSegError):
    """The user canceled the run."""

    code = "cancelled"


class DuplicateNameError(HypothalamusSegError):
    """Two inputs of one run have the same name; one result would overwrite the other."""

    code = "duplicate_name"


class TooFewVisitsError(HypothalamusSegError):
    """Fewer than two scans of a person could be compared."""

    code = "too_few_visits"


class ScanListError(HypothalamusSegError):
    """A folder or table holds no scans, or lists them in a way that cannot be used."""

    code = "scan_list"


class SampleMissingError(HypothalamusSegError):
    """The sample brain of the demo is not installed."""

    code = "sample_missing"


class GridTooLargeError(HypothalamusSegError):
    """More voxels along an axis than a NIfTI-1 label map can hold."""

    code = "grid_too_large"


class DicomPackageMissingError(HypothalamusSegError):
    """DICOM output was asked for, but the package highdicom is missing."""

    code = "dicom_package_missing"


class NotDicomInputError(HypothalamusSegError):
    """DICOM output was asked for, but the scan is not a DICOM series."""

    code = "not_dicom_input"


class DicomSourceError(HypothalamusSegError):
    """The headers of a DICOM series do not allow objects that refer to it."""

    code = "dicom_source"
