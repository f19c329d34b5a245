"""What to segment and how: options shared by all faces. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

STRUCTURES = ("hypothalamus", "icv")
GRID_NAMES = ("0.5", "native", "ulm")
DEVICES = ("auto", "cpu", "cuda", "mps")
FOLDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Options:
    """What to segment and how.

    Attributes
    ----------
    structures : tuple of str
        Any of ``hypothalamus`` and ``icv``.
    subunits : bool
    grid : {"0.5", "native", "ulm"}
        Grid of the hypothalamus labels.
    device : {"auto", "cpu", "cuda", "mps"}
    threads : int or None
        None: torch decides.
    folds : tuple of int
    dicom : bool
        Also DICOM objects, for input that is DICOM.
    weights : str or None
        A folder of weights, which decides the protocol; None: those of the package.
    spread : bool
        Also write where the folds disagree.

    Examples
    --------
    >>> Options(subunits=True, folds=(0, 1)).as_arguments()
    ['--structures', 'hypothalamus,icv', '--grid', '0.5', '--device', 'auto', '--folds', '0,1', \
'--subunits']
    """

    structures: tuple[str, ...] = STRUCTURES
    subunits: bool = False
    grid: str = "0.5"
    device: str = "auto"
    threads: int | None = None
    folds: tuple[int, ...] = FOLDS
    dicom: bool = False
    weights: str | None = None
    spread: bool = False

    def as_arguments(self) -> list[str]:
        """Convert to the equivalent command-line arguments."""
        arguments = ["--structures", ",".join(self.structures), "--grid", self.grid]
        arguments += ["--device", self.device, "--folds", ",".join(map(str, self.folds))]
        arguments += ["--subunits"] if self.subunits else []
        arguments += ["--dicom"] if self.dicom else []
        arguments += ["--weights", self.weights] if self.weights else []
        arguments += ["--spread"] if self.spread else []
        return arguments + (["--threads", str(self.threads)] if self.threads else [])

    def as_json(self) -> dict:
        """Convert to an object for JSON; `options_from_json` is the way back."""
        return asdict(self)


def options_from_json(values: dict) -> Options:
    """Read options; those that are missing have their defaults.

    Raises
    ------
    ValueError
        If a name or a value is wrong; the message says which.

    Examples
    --------
    >>> options_from_json({"structures": ["icv"], "threads": 2}).structures
    ('icv',)
    """
    defaults = Options().as_json()
    unknown = sorted(set(values) - set(defaults))
    if unknown:
        raise ValueError(f"there is no option {unknown[0]!r}")
    given = {**defaults, **values}
    try:
        structures = check_structures(given["structures"])
        folds = check_folds(given["folds"])
    except TypeError as error:
        raise ValueError(f"structures and folds are lists ({error})") from error
    for name, known in (
        ("grid", GRID_NAMES),
        ("device", DEVICES),
        ("subunits", (True, False)),
        ("dicom", (True, False)),
        ("spread", (True, False)),
    ):
        if given[name] not in known:
            raise ValueError(f"{name} {given[name]!r} is none of {', '.join(map(str, known))}")
    threads = given["threads"]
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(f"threads {threads!r} is not a positive number")
    weights = given["weights"]
    if weights is not None and not (isinstance(weights, str) and weights):
        raise ValueError(f"weights {weights!r} is not the path of a folder")
    return Options(
        structures=structures,
        subunits=bool(given["subunits"]),
        grid=given["grid"],
        device=given["device"],
        threads=threads,
        folds=folds,
        dicom=bool(given["dicom"]),
        weights=weights,
        spread=bool(given["spread"]),
    )


def parse_folds(text: str) -> tuple[int, ...]:
    """Read "0,2,4"; raises ValueError if it is not a list of different folds.

    Examples
    --------
    >>> parse_folds("0,2,4")
    (0, 2, 4)
    """
    try:
        folds = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a list of folds. Write, for example, 0,1,2") from error
    return check_folds(folds)


def check_folds(folds: Sequence[int]) -> tuple[int, ...]:
    """Check numbers of folds; raises ValueError if one is listed twice."""
    if len(set(folds)) != len(folds):
        raise ValueError(f"{','.join(map(str, folds))}: the same fold is listed twice")
    return tuple(folds)


def check_structures(names: Sequence[str]) -> tuple[str, ...]:
    """Check structure names and sort them as in `STRUCTURES`; raises ValueError if unknown."""
    unknown = sorted(set(names) - set(STRUCTURES))
    if unknown or not names:
        raise ValueError(f"unknown structure {unknown[0] if unknown else ''!r}")
    return tuple(name for name in STRUCTURES if name in names)
