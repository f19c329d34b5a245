"""What can go wrong, in words for the person who gave the scan.

Every message says what happened, in which file, and what to do about it. ``code`` goes into the
JSON error events of the command line and never changes.
"""

from __future__ import annotations


class HypothalamusSegError(Exception):
    """Base of all failures that this package expects."""

    code: str = "error"


class NotAnImageError(HypothalamusSegError):
    """The path is missing, or holds no image of a format that is read here."""

    code = "not_an_image"


class CorruptFileError(HypothalamusSegError):
    """The file is truncated or damaged, or its bytes are not what its name says."""

    code = "corrupt_file"


class SeveralSeriesError(HypothalamusSegError):
    """A folder holds more than one DICOM series; the message lists them."""

    code = "several_series"


class SeveralFramesError(HypothalamusSegError):
    """More than one volume: time points, echoes, or slices of several orientations."""

    code = "several_frames"


class ColourImageError(HypothalamusSegError):
    """More than one value a voxel: colour, vectors or complex numbers."""

    code = "colour_image"


class NoSpatialInformationError(HypothalamusSegError):
    """The file does not say how its voxels lie in the patient."""

    code = "no_spatial_information"


class SmallerThanHeadError(HypothalamusSegError):
    """Field of view or number of voxels too small for a head."""

    code = "smaller_than_head"


class EmptyImageError(HypothalamusSegError):
    """All voxels have the same value, or none is a finite number."""

    code = "empty_image"


class VoxelSizeError(HypothalamusSegError):
    """Voxels too small or too large to be a head scan in millimetres."""

    code = "voxel_size"


class OutOfMemoryError(HypothalamusSegError):
    """The machine has too little free memory."""

    code = "out_of_memory"


class NoSpaceLeftError(HypothalamusSegError):
    """The disk is full."""

    code = "no_space_left"


class PermissionDeniedError(HypothalamusSegError):
    """A file may not be read, or a folder not written to."""

    code = "permission_denied"


class WeightsError(HypothalamusSegError):
    """A weights file is missing or its checksum differs from the manifest."""

    code = "weights"


class TorchUnusableError(HypothalamusSegError):
    """PyTorch is missing, or installed and does not load."""

    code = "torch_unusable"


class HeadNotFoundError(HypothalamusSegError):
    """The scan shows no head."""

    code = "head_not_found"


class CancelledError(HypothalamusSegError):
    """The user cancelled the job."""

    code = "cancelled"


class DuplicateNameError(HypothalamusSegError):
    """Two inputs of one run have the same name, so that one's results would replace the other's."""

    code = "duplicate_name"


class SampleMissingError(HypothalamusSegError):
    """The demo's sample brain is not installed."""

    code = "sample_missing"


class GridTooLargeError(HypothalamusSegError):
    """More voxels along an axis than a NIfTI-1 label map can hold."""

    code = "grid_too_large"
