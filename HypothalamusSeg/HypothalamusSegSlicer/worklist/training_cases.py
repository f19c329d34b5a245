"""The cases of a list that networks can learn from: those that the reader has corrected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .case import Case
from .worklist import Worklist

CORRECTED, REJECTED = "corrected", "rejected"
# As `Training.adaptation` asks for; folds are made by subject.
FEWEST_SUBJECTS = 5
LABEL = "seg-hypothalamus"


@dataclass(frozen=True)
class LearningCase:
    """A case, and what was drawn on it.

    Attributes
    ----------
    case : Case
    label : Path or None
        The reader's sides; None for a scan without corrections, which keeps the networks from
        forgetting.
    """

    case: Case
    label: Path | None = None


@dataclass(frozen=True)
class LearningCases:
    """What a list has to learn from.

    Attributes
    ----------
    corrected : tuple of LearningCase
    others : tuple of LearningCase
        Without label.
    of_other_protocols : int
        How many corrected cases are left out, because outlines of another protocol were corrected.
    without_files : int
        How many are left out, because scan or label map is gone.
    """

    corrected: tuple[LearningCase, ...]
    others: tuple[LearningCase, ...]
    of_other_protocols: int = 0
    without_files: int = 0

    @property
    def subjects(self) -> int:
        return len({each.case.name.partition("_")[0] for each in self.corrected})

    @property
    def are_enough(self) -> bool:
        return self.subjects >= FEWEST_SUBJECTS


def learning_cases(cases: Worklist, protocol: str) -> LearningCases:
    """Collect the cases that the reader of a list has corrected.

    Parameters
    ----------
    cases : Worklist
    protocol : str
        The one that is adapted; corrections of outlines of another one are left out.
    """
    corrected, others = [], []
    of_other_protocols = without_files = 0
    for case in cases.cases:
        row = cases.row(case)
        if row.mark == REJECTED or not case.scan.exists():
            without_files += row.mark == CORRECTED
        elif row.mark != CORRECTED:
            others.append(LearningCase(case))
        elif row.protocol != protocol:
            of_other_protocols += 1
        else:
            label = _label_of(cases.table.folder, row.labels)
            if label is None:
                without_files += 1
            else:
                corrected.append(LearningCase(case, label))
    return LearningCases(tuple(corrected), tuple(others), of_other_protocols, without_files)


def _label_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = (folder / name for name in names if LABEL in Path(name).name)
    return next((path for path in found if path.is_file()), None)
