"""The overview picture as Secondary Capture.

Examples
--------
>>> capture = make_capture(pixels, contents, source, series)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .contents import DicomContents
from .highdicom_package import import_highdicom
from .new_series import NewSeries
from .source_series import SourceSeries

if TYPE_CHECKING:
    from highdicom.sc import SCImage


def make_capture(
    pixels: np.ndarray, contents: DicomContents, source: SourceSeries, series: NewSeries
) -> SCImage:
    """Make the object.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 3)
        The picture, with the scan's name on it.
    contents, source, series
        As for the other objects.
    """
    from pydicom.uid import ExplicitVRLittleEndian

    capture = import_highdicom().sc.SCImage.from_ref_dataset(
        ref_dataset=source.headers[0],
        pixel_array=np.ascontiguousarray(pixels),
        photometric_interpretation="RGB",
        bits_allocated=8,
        # Several planes in one picture have no orientation; the attribute is emptied below.
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        **series.attributes(contents),
        # Every archive takes it; run-length coding saves 40 % and takes seconds.
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    capture.PatientOrientation = None
    capture.Laterality = None
    # The name of the folder is on the picture, and may be the patient's; the face is in its planes.
    capture.BurnedInAnnotation = "YES"
    capture.RecognizableVisualFeatures = "YES"
    return capture
