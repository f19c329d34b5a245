"""The sample brain of the demo: the ICBM152 T1 template in the PyPI package nilearn.

Fonov et al. 2011, ICBM 152 2009 nonlinear symmetric, 1 mm, skull-stripped. It is part of nilearn's
wheel, so the demo downloads nothing.

Examples
--------
>>> sample_scan().suffixes[-2:]  # doctest: +SKIP
['.nii', '.gz']
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ..errors import SampleMissingError

TEMPLATE = Path("datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")


def sample_scan() -> Path:
    """Find the file of the sample brain.

    Raises
    ------
    SampleMissingError
        If nilearn is not installed or no longer includes the template.
    """
    # Found without importing nilearn, which takes seconds and needs its dependencies.
    package = importlib.util.find_spec("nilearn")
    if package is None or package.origin is None:
        raise SampleMissingError(
            "The sample brain comes with the package nilearn, which is not installed. Install "
            "it: pip install 'hypothalamus-seg[demo]'."
        )
    path = Path(package.origin).parent / TEMPLATE
    if not path.exists():
        raise SampleMissingError(
            f"This version of nilearn does not include {TEMPLATE.name}. Install another version."
        )
    return path
