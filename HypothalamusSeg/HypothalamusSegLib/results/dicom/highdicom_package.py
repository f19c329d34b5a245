"""The optional package highdicom, which writes the DICOM objects.

Examples
--------
>>> highdicom = import_highdicom()  # doctest: +SKIP
"""

from __future__ import annotations

from types import ModuleType

from ...errors import DicomPackageMissingError


def import_highdicom() -> ModuleType:
    """Import highdicom with the parts that are used here.

    Raises
    ------
    DicomPackageMissingError
        highdicom is missing or cannot be loaded.
    """
    try:
        import highdicom
        import highdicom.coding_schemes
        import highdicom.color
        import highdicom.sc
        import highdicom.seg
        import highdicom.sr
    except (ImportError, OSError) as error:
        raise DicomPackageMissingError(
            "DICOM output needs the package highdicom, which cannot be loaded ({reason}). Install "
            'it with: pip install "hypothalamus-seg[dicom]"',
            reason=str(error),
        ) from error
    return highdicom
