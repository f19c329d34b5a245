"""Validate the options of a run; the same as on the command line."""

from __future__ import annotations

from HypothalamusSegLib.options import GRID_NAMES, Options, check_structures, parse_folds

from . import texts

ALL_STRUCTURES, ALL_FOLDS = Options().structures, Options().folds


class WrongOptionError(ValueError):
    """Unknown option; the message lists the valid ones."""


def default_options() -> dict:
    """Options of a visitor who has chosen none."""
    return run_options(False, "0.5")


def run_options(
    subunits: bool,
    grid: str,
    structures: str = ",".join(ALL_STRUCTURES),
    folds: str = ",".join(map(str, ALL_FOLDS)),
) -> dict:
    """Options for the engine, as JSON takes them.

    Parameters
    ----------
    subunits : bool
    grid : {"0.5", "native", "ulm"}
    structures, folds : str
        As on the command line, separated by commas.

    Raises
    ------
    WrongOptionError
    """
    if grid not in GRID_NAMES:
        raise WrongOptionError(texts.unknown_grid(grid))
    try:
        known = check_structures([name for name in structures.split(",") if name])
    except ValueError as error:
        raise WrongOptionError(texts.unknown_structures(structures, ALL_STRUCTURES)) from error
    try:
        chosen = parse_folds(folds)
    except ValueError as error:
        raise WrongOptionError(texts.unknown_folds(folds, ALL_FOLDS)) from error
    if not set(chosen) <= set(ALL_FOLDS):
        raise WrongOptionError(texts.unknown_folds(folds, ALL_FOLDS))
    return {
        "structures": list(known),
        "subunits": bool(subunits) and "hypothalamus" in known,
        "grid": grid,
        "folds": sorted(chosen),
    }
