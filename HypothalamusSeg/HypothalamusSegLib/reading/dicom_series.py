"""DICOM series: slices of a folder, or frames of a file, sorted into a volume.

Examples
--------
>>> volume, flags, files = read_dicom_series(Path("series"))  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import (
    CorruptFileError,
    NoSpatialInformationError,
    SeveralFramesError,
    SeveralSeriesError,
)
from ..flags import Flag
from ..geometry.voxel_image import LPS_FROM_RAS, VoxelImage
from .dicom_files import (
    DICOM_READER,
    ENHANCED_SOP_CLASSES,
    FILE_META_BYTES,
    Slice,
    find_slices,
    is_dicom_file,
)
from .frame_geometry import frame_geometries, read_header
from .itk_reading import name_itk_failures, several_values_error, take_grey_frame

SAME_POSITION_MM = 0.01
# Positions are rounded in the files; a missing slice doubles the distance.
LARGEST_GAP_RATIO = 1.1
LARGEST_DIRECTION_DIFFERENCE = 0.01


def read_dicom_series(path: Path) -> tuple[VoxelImage, list[Flag], list[Path]]:
    """Read the DICOM series in a folder, or the series that a file belongs to.

    Parameters
    ----------
    path : Path
        A folder with one series (or with a series in a subfolder, if the folder itself has no
        DICOM file), or any file of a series.

    Returns
    -------
    VoxelImage
        float32, RAS affine, slices sorted along their normal.
    list of Flag
        spacing_suspect where slices or the pixel spacing are missing.
    list of Path
        The slice files in the same order.

    Raises
    ------
    NotAnImageError
        No DICOM image.
    SeveralSeriesError, SeveralFramesError, CorruptFileError, ColourImageError,
    NoSpatialInformationError
    """
    slices, unreadable = find_slices(path)
    slices = _one_series(path, slices)
    _refuse_truncated(slices, unreadable)
    if any(image.values_per_voxel > 1 for image in slices):
        raise several_values_error(path)
    if not all(image.has_position for image in slices):
        raise NoSpatialInformationError(
            "The DICOM series in {path} has no image positions (a screen capture?), so its "
            "position in the patient is unknown. Use the original series.",
            path=path,
        )
    if len(slices) == 1 and slices[0].sop_class in ENHANCED_SOP_CLASSES:
        volume, flags = _read_multi_frame(slices[0])
        return volume, flags, [slices[0].path]
    if len(slices) == 1:
        image = read_slice(slices[0].path)
        depth_step = slices[0].directions[:, 2] * image.GetSpacing()[2]
        flags = []
    else:
        slices, flags = _sort_slices(path, slices)
        with name_itk_failures(path):
            files = [str(image.path) for image in slices]
            image = take_grey_frame(_read_by_gdcm(sitk.ImageSeriesReader(), files), path)
        # From the positions: unlike ITK's normal, also correct for a tilted gantry.
        depth_step = (slices[-1].position_mm - slices[0].position_mm) / (len(slices) - 1)
    if slices[0].sop_class not in ENHANCED_SOP_CLASSES and not slices[0].has_spacing:
        message = "The DICOM files have no pixel spacing; 1 mm was assumed. Volumes may be wrong."
        flags.append(Flag("spacing_suspect", message))
    volume = VoxelImage(sitk.GetArrayFromImage(image).T, _affine(slices[0], depth_step))
    return volume, flags, [image.path for image in slices]


def _read_multi_frame(whole: Slice) -> tuple[VoxelImage, list[Flag]]:
    """Read one file with all slices, sorted along their normal as the slices of a folder are."""
    array = sitk.GetArrayFromImage(read_slice(whole.path)).T
    frames = frame_geometries(read_header(whole.path))
    if len(frames) != array.shape[2]:
        raise CorruptFileError(
            "{path} has {images} images, but gives the position of only {places} of them. Export "
            "it again.",
            path=whole.path,
            images=array.shape[2],
            places=len(frames),
        )
    slices = [
        replace(
            whole,
            size=(*whole.size[:2], 1),
            position_mm=frame.position_mm,
            directions=np.stack([*frame.unit_axes, frame.normal], axis=1),
            spacing_mm=np.array([*frame.spacing_mm, whole.spacing_mm[2]]),
        )
        for frame in frames
    ]
    if len(slices) == 1:
        step_mm = slices[0].directions[:, 2] * whole.spacing_mm[2]
        return VoxelImage(array, _affine(slices[0], step_mm)), []
    ordered, flags = _sort_slices(whole.path, slices)
    stored = {id(frame): index for index, frame in enumerate(slices)}
    array = array[:, :, [stored[id(frame)] for frame in ordered]]
    step_mm = (ordered[-1].position_mm - ordered[0].position_mm) / (len(ordered) - 1)
    return VoxelImage(array, _affine(ordered[0], step_mm)), flags


def find_series(path: Path) -> dict[str, list[Slice]]:
    """Find the images of each DICOM series in a folder, by series identifier.

    Raises
    ------
    NotAnImageError, CorruptFileError
        No DICOM image, or none is readable.
    """
    slices, _ = find_slices(path)
    return _group_by_series(slices)


def read_slice(file: Path) -> sitk.Image:
    """Read the voxels of one DICOM file as float32, shape (1 or more, rows, columns).

    Raises
    ------
    CorruptFileError, ColourImageError
    """
    with name_itk_failures(file):
        return take_grey_frame(_read_by_gdcm(sitk.ImageFileReader(), str(file)), file)


def _group_by_series(slices: list[Slice]) -> dict[str, list[Slice]]:
    series: dict[str, list[Slice]] = {}
    for image in slices:
        series.setdefault(image.series_uid, []).append(image)
    return series


def _one_series(path: Path, slices: list[Slice]) -> list[Slice]:
    if path.is_file():
        own = [image for image in slices if image.path == path]
        if not own:
            raise CorruptFileError(
                "{path} cannot be read as a DICOM image. It is truncated, damaged, or not an "
                "image. Copy or export the series again.",
                path=path,
            )
        return [image for image in slices if image.series_uid == own[0].series_uid]
    series = _group_by_series(slices)
    if len(series) == 1:
        return slices
    listed = "\n".join(
        f"- {images[0].description or 'no description'}, {len(images)} images, series "
        f"{uid}, with {images[0].path}"
        for uid, images in series.items()
    )
    raise SeveralSeriesError(
        "{path} contains {count} DICOM series. Choose one file of the T1-weighted series "
        "instead of the folder, or move that series to its own folder:\n{listed}",
        path=path,
        count=len(series),
        listed=listed,
    )


def _refuse_truncated(slices: list[Slice], unreadable: list[Path]) -> None:
    """Raise CorruptFileError for an unreadable slice; ignore other objects such as reports."""
    kind = slices[0].sop_class.encode()
    for file in unreadable:
        with file.open("rb") as stream:
            meta = stream.read(FILE_META_BYTES)
        # The class is followed by padding or the next tag; another digit would mean another class.
        is_same_kind = kind + b"\0" in meta or kind + b"\x02\0" in meta
        if is_same_kind or not is_dicom_file(file):
            raise CorruptFileError(
                "The slice {file} is truncated or damaged. Copy or export the series again.",
                file=file,
            )


def _sort_slices(path: Path, slices: list[Slice]) -> tuple[list[Slice], list[Flag]]:
    first = slices[0]
    for image in slices:
        turned = np.abs(image.directions - first.directions).max() > LARGEST_DIRECTION_DIFFERENCE
        if turned or image.size != first.size or image.size[2] > 1:
            raise SeveralFramesError(
                "The DICOM series in {path} has images of different sizes or orientations (a "
                "localizer?). Choose the T1-weighted series.",
                path=path,
            )
    normal = np.cross(first.directions[:, 0], first.directions[:, 1])
    slices = sorted(slices, key=lambda image: float(image.position_mm @ normal))
    steps = np.diff([float(image.position_mm @ normal) for image in slices])
    if steps.min() < SAME_POSITION_MM:
        raise SeveralFramesError(
            "The DICOM series in {path} has several images at the same position (time points, "
            "echoes, or magnitude and phase). Export the T1-weighted volume as its own series.",
            path=path,
        )
    if steps.max() <= LARGEST_GAP_RATIO * np.median(steps):
        return slices, []
    message = (
        f"The slice spacing varies from {steps.min():.2f} to {steps.max():.2f} mm; slices may "
        "be missing. Volumes may be wrong."
    )
    return slices, [Flag("spacing_suspect", message)]


def _read_by_gdcm(reader: sitk.ImageReaderBase, files: str | list[str]) -> sitk.Image:
    reader.SetImageIO(DICOM_READER)
    if isinstance(files, str):
        reader.SetFileName(files)
    else:
        reader.SetFileNames(files)
    return reader.Execute()


def _affine(first: Slice, depth_step_mm: np.ndarray) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :2] = first.directions[:, :2] * first.spacing_mm[:2]
    affine[:3, 2] = depth_step_mm
    affine[:3, 3] = first.position_mm
    return LPS_FROM_RAS @ affine
