"""Tables of results and participants as the group level reads them, with known differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from HypothalamusSegLib import labels

from Cohort.group.contrast import Contrast
from Cohort.group.covariates import Covariate
from Cohort.group.options import GroupOptions
from Cohort.group.participants_table import read_participants

CONTRAST = "group:als-control"
ALS_CONTROL = Contrast("group", "als", "control")
AGE_SEX = (Covariate("age", "number"), Covariate("sex", "category"))
MEAN_MM3, SD_MM3, MEAN_ICV_MM3 = 850.0, 60.0, 1.45e6
SUBUNIT_SHARES = (0.08, 0.10, 0.35, 0.20, 0.27)


def simulated(
    n_a: int = 30,
    n_b: int = 25,
    seed: int = 1,
    effect_mm3: float = 0.0,
    exponent: float = 0.6,
    sessions: int = 1,
    change_a: float = 0.0,
    change_b: float = 0.0,
    with_subunits: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Results and participants of two groups, als and control.

    Volumes grow with ICV to the power ``exponent``, fall with age, and differ between the groups by
    ``effect_mm3``; each later session, a year apart, changes them by the given fractions.
    """
    generator = np.random.default_rng(seed)
    rows, people = [], []
    for number in range(n_a + n_b):
        is_a = number < n_a
        sex = "m" if generator.random() < 0.5 else "f"
        age = float(np.round(generator.normal(58, 10)))
        icv = generator.normal(1.53e6 if sex == "m" else 1.38e6, 1e5)
        start = MEAN_MM3 * (icv / MEAN_ICV_MM3) ** exponent - 1.2 * (age - 58)
        start += generator.normal(0, SD_MM3) + (effect_mm3 if is_a else 0)
        name = f"sub-{number + 1:03d}"
        group = "als" if is_a else "control"
        people.append({"participant_id": name, "age": f"{age:.0f}", "sex": sex, "group": group})
        for session in range(sessions):
            change = change_a if is_a else change_b
            total = start * (1 + change * session) + generator.normal(0, 8)
            asymmetry = generator.normal(0.01, 0.03)
            left = total / 2 * (1 + asymmetry / 2)
            scan = name if sessions == 1 else f"{name}_ses-{session + 1}"
            row = {
                "participant_id": name,
                "session_id": "" if sessions == 1 else f"ses-{session + 1}",
                "scan": scan,
                "input": f"/data/{name}/anat/{scan}_T1w.nii.gz",
                "overview": f"{name}/figures/{scan}_overview.png",
                "icv_mm3": icv,
                "hypothalamus_left_mm3": left,
                "hypothalamus_right_mm3": total - left,
                "hypothalamus_total_mm3": total,
                "asymmetry_index": asymmetry,
                "fold_dice": generator.normal(0.93, 0.01),
                "confidence": 0.85,
                "place_confidence": 0.97,
                "flags": "",
                "flag_messages": (),
            }
            if with_subunits:
                for index, label in enumerate(labels.SUBUNIT_LABELS):
                    side = left if index < labels.SUBUNITS_PER_SIDE else total - left
                    share = SUBUNIT_SHARES[index % labels.SUBUNITS_PER_SIDE]
                    volume = side * share * generator.normal(1, 0.06)
                    row[f"{labels.subunit_structure(label)}_mm3"] = volume
            rows.append(row)
    return pd.DataFrame(rows), pd.DataFrame(people)


def cohort(**options) -> pd.DataFrame:
    """What `simulated` makes, in one table."""
    results, people = simulated(**options)
    return results.merge(people, on="participant_id")


def write_participants(people: pd.DataFrame, folder: Path) -> Path:
    path = folder / "participants.tsv"
    people.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return path


def table_in(folder: Path, text: str) -> Path:
    path = folder / "participants.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def options_in(folder: Path, people: pd.DataFrame, **others) -> GroupOptions:
    path = write_participants(people, folder)
    given = {"contrast": CONTRAST, "covariates": ("age", "sex"), **others}
    return GroupOptions(output=folder, participants=path, data_root=folder, **given)


def found(findings, words: str):
    return next(finding for finding in findings if words in finding.text)


def as_read(table: pd.DataFrame, folder: Path):
    return read_participants(write_participants(table, folder))


def sessions_of(people: pd.DataFrame, sessions: int, folder: Path, undated: str = "") -> Path:
    """A participants.tsv with a row a session, a year apart."""
    rows = [
        {
            **person,
            "session_id": f"ses-{session + 1}",
            "years": "n/a"
            if f"{person['participant_id']}_ses-{session + 1}" == undated
            else str(session),
        }
        for person in people.to_dict("records")
        for session in range(sessions)
    ]
    pd.DataFrame(rows).to_csv(folder / "sessions.tsv", sep="\t", index=False)
    return folder / "sessions.tsv"
