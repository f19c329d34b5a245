"""The weight files of this installation and their checksum status.

Examples
--------
>>> list_weights()[0].startswith("Weights: ")
True
"""

from __future__ import annotations

from ..errors import WeightsError
from . import weight_files


def list_weights(chosen: str | None = None) -> list[str]:
    """List every weight file with its checksum and status, as lines of text.

    Parameters
    ----------
    chosen : str or None
        A folder of weights; None: those of the package.
    """
    try:
        folder = weight_files.weights_folder(chosen)
        lines = [f"Weights: {folder}"]
        for structure, ensemble in weight_files.read_manifest(folder).items():
            lines += [_fold_line(structure, fold) for fold in ensemble.folds]
    except WeightsError as error:
        return [f"Weights: {error}"]
    return lines


def _fold_line(structure: str, fold: weight_files.FoldWeights) -> str:
    try:
        weight_files.verify_checksum(fold)
        state = "verified"
    except WeightsError as error:
        state = f"REFUSED: {error}"
    return f"  {structure} fold {fold.fold}: {fold.sha256} {state}"
