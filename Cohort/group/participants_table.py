"""Read participants.tsv and report what is wrong with it.

All columns stay text, as BIDS stores them; ``n/a`` becomes a missing value. What a column means is
decided when it is used (`Cohort.covariates`, `Cohort.contrast`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from .errors import HypothalamusSegError, ParticipantsFileError
from .findings import NOTE, WARNING, Finding, Topic

MISSING_WORDS = ("n/a", "N/A", "NaN", "nan", "")
# Missing in tables from R, but also the name of a site.
NAME_OR_MISSING = "NA"
ALL_MISSING_WORDS = (*MISSING_WORDS, NAME_OR_MISSING)
SUBJECT_PREFIX, SESSION_PREFIX = "sub-", "ses-"


@dataclass(frozen=True)
class Participants:
    """Content of participants.tsv.

    Attributes
    ----------
    path : Path
    frame : DataFrame
        ``participant_id``, perhaps ``session_id``, and text columns; one row per participant (or
        one a participant and session).
    categorical : frozenset of str
        Columns that hold categories even where they look like numbers: those with ``Levels`` in
        participants.json, and those that the user named.
    quantities : frozenset of str
        Columns with ``Units`` in participants.json.
    with_na : frozenset of str
        Columns in which ``NA`` was read as a missing value.
    findings : tuple of Finding
    """

    path: Path
    frame: pd.DataFrame
    categorical: frozenset[str] = field(default_factory=frozenset)
    quantities: frozenset[str] = field(default_factory=frozenset)
    with_na: frozenset[str] = field(default_factory=frozenset)
    findings: tuple[Finding, ...] = ()

    @property
    def keys(self) -> list[str]:
        """The columns by which scans are matched."""
        return [k for k in ("participant_id", "session_id") if k in self.frame]

    @property
    def columns(self) -> list[str]:
        """The columns that describe participants."""
        return [c for c in self.frame if c not in self.keys]


def read_participants(path: Path, categorical: tuple[str, ...] = ()) -> Participants:
    """Read and check participants.tsv and participants.json next to it, if there is one.

    Parameters
    ----------
    path : Path
    categorical : tuple of str
        Columns of numbers that stand for categories, such as a site's number.

    Raises
    ------
    ParticipantsFileError
        If the file is missing or is not a table of participants.
    """
    frame = read_tsv(path, ParticipantsFileError, MISSING_WORDS)
    if "participant_id" not in frame:
        raise ParticipantsFileError(
            f"{path} has no column participant_id (its columns: {_listed(frame.columns)}). "
            "BIDS wants a tab-separated table whose first column is participant_id."
        )
    findings: list[Finding] = []
    frame = _with_prefixes(frame, findings)
    keys = [k for k in ("participant_id", "session_id") if k in frame]
    frame = _without_duplicates(frame, keys, findings)
    unknown = [c for c in categorical if c not in frame]
    if unknown:
        raise ParticipantsFileError(
            f"{path} has no column {_listed(unknown)}, which was named as categorical. "
            f"Its columns: {_listed(frame.columns)}."
        )
    described = _described_columns(path.with_suffix(".json"), findings)
    levels = {name for name, entry in described.items() if "Levels" in entry}
    quantities = {name for name, entry in described.items() if "Units" in entry} - levels
    with_na = frozenset(column for column in frame if (frame[column] == NAME_OR_MISSING).any())
    frame = _with_levels_named_na(frame, described, findings)
    return Participants(
        path,
        frame,
        frozenset({*categorical, *levels}),
        frozenset(quantities),
        with_na - levels,
        tuple(findings),
    )


def read_tsv(
    path: Path, error: type[HypothalamusSegError], missing: tuple[str, ...] = ALL_MISSING_WORDS
) -> pd.DataFrame:
    """Read a BIDS table as text, ``n/a`` as missing; failures are raised as ``error``."""
    try:
        # One spelling of ü: macOS writes it as u with a combining mark.
        text = normalize("NFC", path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        hint = " Give its path with --participants FILE." if error is ParticipantsFileError else ""
        raise error(f"There is no {path}.{hint}") from None
    except UnicodeDecodeError:
        raise error(f"{path} is not UTF-8 text. Save it as tab-separated text in UTF-8.") from None
    except OSError as reason:
        raise error(f"Cannot read {path}: {reason.strerror or reason}.") from reason
    lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    if not lines:
        raise error(f"{path} is empty. It must have a header and one row per participant.")
    header = [name.strip() for name in lines[0]]
    if len(header) == 1 and any(c in header[0] for c in ",;"):
        raise error(
            f"{path} is separated by commas or semicolons; BIDS wants tabs. Save it as "
            "tab-separated text."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise error(f"{path} has two columns named {_listed(twice)}. Rename one of them.")
    for row_number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(header):
            raise error(
                f"{path}: row {row_number} has {len(cells)} cells, the header has {len(header)}. "
                "Fill missing values with n/a and separate the cells with tabs."
            )
    rows = [[_value(cell, missing) for cell in cells] for cells in lines[1:]]
    return pd.DataFrame(rows, columns=header, dtype=object)


def _value(cell: str, missing: tuple[str, ...]) -> str | None:
    cell = cell.strip()
    return None if cell in missing else cell


def _with_prefixes(frame: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    nameless = frame["participant_id"].isna()
    if nameless.any():
        rows = tuple(f"row {number + 2}" for number in frame.index[nameless])
        findings.append(
            Finding(
                WARNING, Topic.PARTICIPANTS, "Rows without a participant_id were left out", rows
            )
        )
        frame = frame[~nameless]
    frame = frame.copy()
    bare = ~frame["participant_id"].str.startswith(SUBJECT_PREFIX)
    if bare.any():
        findings.append(
            Finding(
                NOTE,
                Topic.PARTICIPANTS,
                "The prefix sub- was added to names in participants.tsv that lacked it",
                tuple(frame.loc[bare, "participant_id"]),
            )
        )
        frame.loc[bare, "participant_id"] = SUBJECT_PREFIX + frame["participant_id"][bare]
    if "session_id" in frame:
        sessions = frame["session_id"].fillna("")
        frame["session_id"] = [
            s if not s or s.startswith(SESSION_PREFIX) else SESSION_PREFIX + s for s in sessions
        ]
    return frame


def _without_duplicates(
    frame: pd.DataFrame, keys: list[str], findings: list[Finding]
) -> pd.DataFrame:
    same = frame.duplicated(keep="first")
    if same.any():
        names = tuple(sorted(set(frame.loc[same, "participant_id"])))
        findings.append(Finding(NOTE, Topic.PARTICIPANTS, "Identical rows are counted once", names))
        frame = frame[~same]
    different = frame.duplicated(keys, keep=False)
    if different.any():
        names = tuple(sorted(set(frame.loc[different, "participant_id"])))
        findings.append(
            Finding(
                WARNING,
                Topic.PARTICIPANTS,
                "Participants with several different rows were left out of the analysis, because "
                "it is unclear which row is right. Correct participants.tsv",
                names,
            )
        )
        frame = frame[~different]
    return frame.reset_index(drop=True)


def _described_columns(path: Path, findings: list[Finding]) -> dict[str, dict]:
    if not path.is_file():
        return {}
    try:
        described = json.loads(normalize("NFC", path.read_text(encoding="utf-8-sig")))
        return {name: entry for name, entry in described.items() if isinstance(entry, dict)}
    except (OSError, ValueError, AttributeError):
        findings.append(
            Finding(NOTE, Topic.PARTICIPANTS, f"{path.name} could not be read and was not used")
        )
        return {}


def _with_levels_named_na(
    frame: pd.DataFrame, described: dict[str, dict], findings: list[Finding]
) -> pd.DataFrame:
    """R's missing value against a level of this name, such as North America."""
    for column in frame.columns:
        is_na = frame[column] == NAME_OR_MISSING
        levels = described.get(column, {}).get("Levels", {})
        if not is_na.any() or NAME_OR_MISSING in levels:
            continue
        frame[column] = frame[column].mask(is_na, None)
        text = (
            f"{NAME_OR_MISSING} in the column {column} was read as a missing value. If it is a "
            "level, name it among the Levels of the column in participants.json"
        )
        names = tuple(frame.loc[is_na, "participant_id"].dropna())
        findings.append(Finding(WARNING, Topic.PARTICIPANTS, text, names))
    return frame


def _listed(names: object) -> str:
    return ", ".join(map(str, names))
