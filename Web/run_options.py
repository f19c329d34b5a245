"""Validate the options of a run; the same as on the command line."""

from __future__ import annotations

from HypothalamusSegLib.options import GRID_NAMES, Options, check_structures, parse_folds

from . import texts
from .served_protocols import ServedProtocols

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
    protocol: str | None = None,
    served: ServedProtocols | None = None,
) -> dict:
    """Options for the engine, as JSON takes them.

    Parameters
    ----------
    subunits : bool
    grid : {"0.5", "native", "ulm"}
    structures, folds : str
        As on the command line, separated by commas.
    protocol : str or None
        Name of one of the protocols that the server offers; None or empty: the first.
    served : ServedProtocols or None
        None: the published protocol alone.

    Returns
    -------
    dict
        ``protocol`` is there only where there is a choice.

    Raises
    ------
    WrongOptionError
    """
    served = served or ServedProtocols()
    if protocol and protocol not in served.names:
        raise WrongOptionError(texts.unknown_protocol(served.names))
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
    options = {
        "structures": list(known),
        "subunits": bool(subunits) and "hypothalamus" in known,
        "grid": grid,
        "folds": sorted(chosen),
    }
    return {**options, "protocol": protocol or served.names[0]} if served.is_choice else options
