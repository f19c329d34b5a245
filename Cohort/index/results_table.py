"""The finished scans of a cohort as one table, read from the index alone."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from HypothalamusSegLib.measures.protocol import PUBLISHED

from ..errors import IndexFileError, MixedResultsError
from ..structures import VOLUME_SUFFIX
from ..tables import join_codes
from .cohort_index import INDEX_NAME, unusable
from .outcome import DONE, FAILED

if TYPE_CHECKING:
    import pandas

SCAN_COLUMNS = (
    "subject",
    "session",
    "name",
    "input",
    "overview",
    "asymmetry_index",
    "fold_dice",
    "confidence",
    "place_confidence",
    "flags",
    "input_sha256",
    "fingerprint",
    "protocol",
)
# An index of an earlier version lacks these, and may be in a read-only place.
LATER_COLUMNS = ("protocol",)


def read_results(output: Path) -> pandas.DataFrame:
    """Read all finished scans.

    Parameters
    ----------
    output : Path
        Folder that the participant level wrote to.

    Returns
    -------
    DataFrame
        One row per scan, sorted by name: ``participant_id`` (``sub-01``), ``session_id`` (``ses-1``
        or empty), ``scan``, ``input``, ``overview`` (relative to ``output``, or empty), a column
        ``<structure>_mm3`` for each structure, ``asymmetry_index``, ``fold_dice`` (mean over the
        folds), ``input_sha256`` (of the image), ``confidence``, ``place_confidence``, ``flags``
        (codes with ";" between), ``flag_messages`` (a tuple of sentences),
        ``segmentation_protocol``. Missing numbers are NaN.

    Raises
    ------
    IndexFileError
        No index, or none that can be read.
    MixedResultsError
        The scans were not all segmented with the same options and weights.
    """
    import pandas

    path = output / INDEX_NAME
    if not path.exists():
        raise IndexFileError(f"{output} has no results. Run the participant level first.")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            scans = pandas.read_sql(
                "SELECT * FROM scans WHERE status = ? ORDER BY name", connection, params=(DONE,)
            )
            missing = sorted({*SCAN_COLUMNS} - {*scans} - {*LATER_COLUMNS})
            if missing:
                raise sqlite3.DatabaseError(f"no column {', '.join(missing)}")
            scans = scans.assign(**{c: None for c in LATER_COLUMNS if c not in scans})
            scans = scans[list(SCAN_COLUMNS)]
            volumes = pandas.read_sql("SELECT name, structure, volume_mm3 FROM volumes", connection)
        finally:
            connection.close()
    except (sqlite3.DatabaseError, pandas.errors.DatabaseError) as error:
        raise IndexFileError(unusable(path, error.__cause__ or error)) from error
    if scans.empty:
        raise IndexFileError(f"{output} has no finished scan. Run the participant level first.")
    _check_alike(scans, output)
    wide = volumes.pivot(index="name", columns="structure", values="volume_mm3").add_suffix(
        VOLUME_SUFFIX
    )
    table = scans.join(wide, on="name")
    flags = table["flags"].map(json.loads)
    return table.assign(
        participant_id="sub-" + table["subject"],
        session_id=[f"ses-{session}" if session else "" for session in table["session"]],
        scan=table["name"],
        overview=table["overview"].fillna(""),
        flags=flags.map(lambda found: join_codes(flag["code"] for flag in found)),
        flag_messages=flags.map(lambda found: tuple(flag["message"] for flag in found)),
        **{name: table[name].astype(float) for name in ("asymmetry_index", "fold_dice")},
        confidence=table["confidence"].astype(float),
        place_confidence=table["place_confidence"].astype(float),
        # Not "protocol": participants.tsv often has a column of that name, of the scanner's.
        segmentation_protocol=table["protocol"].fillna(PUBLISHED.name),
    ).drop(columns=["subject", "session", "name", "fingerprint", "protocol"])


def read_failures(output: Path) -> pandas.DataFrame:
    """Read the scans that could not be segmented.

    Parameters
    ----------
    output : Path
        Folder that the participant level wrote to.

    Returns
    -------
    DataFrame
        ``participant_id``, ``session_id``, ``scan``, ``code`` and ``reason``, sorted by scan.

    Raises
    ------
    IndexFileError
    """
    import pandas

    path = output / INDEX_NAME
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as connection:
            table = pandas.read_sql(
                "SELECT subject, session, name AS scan, code, reason FROM scans WHERE status = ? "
                "ORDER BY name",
                connection,
                params=(FAILED,),
            )
    except (sqlite3.DatabaseError, pandas.errors.DatabaseError) as error:
        raise IndexFileError(unusable(path, error.__cause__ or error)) from error
    return table.assign(
        participant_id="sub-" + table["subject"],
        session_id=[f"ses-{session}" if session else "" for session in table["session"]],
    ).drop(columns=["subject", "session"])


def _check_alike(scans: pandas.DataFrame, output: Path) -> None:
    counts = scans["fingerprint"].value_counts()
    if len(counts) > 1:
        usual = counts.index[0]
        other = scans.loc[scans["fingerprint"] != usual, "name"].tolist()
        protocols = scans["protocol"].fillna(PUBLISHED.name).unique().tolist()
        if len(protocols) > 1:
            raise MixedResultsError(
                f"The scans in {output} were segmented by {len(protocols)} protocols "
                f"({', '.join(protocols)}), whose volumes cannot be compared. Run the participant "
                "level again, over all of them, with the same --weights."
            )
        raise MixedResultsError(
            f"{len(other)} of {len(scans)} scans in {output} were segmented with different options "
            f"or weights from the rest ({', '.join(other[:5])}{' …' if len(other) > 5 else ''}). "
            "Run "
            "the participant level again, over all of them, before comparing groups."
        )
