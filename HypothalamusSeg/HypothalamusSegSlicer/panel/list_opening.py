"""Where a list of cases comes from: a folder, a table, the DICOM database, the last time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ..worklist.case import WorklistError
from ..worklist.case_lists import CaseList, find_cases
from ..worklist.dicom_cases import selected_series
from ..worklist.list_settings import last_source
from ..worklist.review_table import ReviewTable
from ..worklist.worklist import Worklist


class ListOpening:
    """The buttons that open a list; what cannot be opened is said.

    Parameters
    ----------
    ui : namespace of widgets
    open_list : callable(CaseList, str)
        Told the cases and what to remember of where they are; empty for series.
    """

    def __init__(self, ui, open_list: Callable[[CaseList, str], None]) -> None:
        self.ui = ui
        self._open_list = open_list
        for name, slot in (
            ("openFolderButton", self._choose_folder),
            ("openTableButton", self._choose_table),
            ("openDicomButton", self._open_dicom),
            ("resumeListButton", self._resume),
        ):
            getattr(ui, name).connect("clicked(bool)", slot)

    def _open_source(self, source: Path) -> None:
        """Open the cases of a folder or table; says why if it cannot."""
        try:
            with slicer.util.WaitCursor():
                found = find_cases(source)
        except WorklistError as error:
            slicer.util.errorDisplay(str(error))
            return
        self._open_list(found, str(source))

    def _choose_folder(self, checked: bool = False) -> None:
        chosen = qt.QFileDialog.getExistingDirectory(self.ui.openFolderButton, _("Scans to review"))
        if chosen:
            self._open_source(Path(chosen))

    def _choose_table(self, checked: bool = False) -> None:
        chosen = qt.QFileDialog.getOpenFileName(
            self.ui.openTableButton, _("Table of scans"), "", "TSV, CSV (*.tsv *.csv)"
        )
        if chosen:
            self._open_source(Path(chosen))

    def _open_dicom(self, checked: bool = False) -> None:
        try:
            cases = selected_series()
        except WorklistError as error:
            slicer.util.errorDisplay(str(error))
            return
        folder = qt.QFileDialog.getExistingDirectory(
            self.ui.openDicomButton, _("Folder for reviews")
        )
        if folder:
            self._open_list(CaseList(tuple(cases), Path(folder)), "")

    def _resume(self, checked: bool = False) -> None:
        source = last_source()
        if source:
            self._open_source(Path(source))


def move_reviews(parent, cases: Worklist) -> bool:
    """Ask for another folder, because reviews cannot be written; False if the user gives up."""
    chosen = qt.QFileDialog.getExistingDirectory(parent, _("Another folder for the reviews"))
    if not chosen:
        return False
    try:
        cases.move_to(Path(chosen))
    except WorklistError as error:
        slicer.util.errorDisplay(str(error))
    return True


def writable_folder(parent, folder: Path) -> Path | None:
    """The folder for reviews, another one if that is read-only; None if the user gives up."""
    while True:
        problem = ReviewTable(folder).why_not_writable()
        if not problem:
            return folder
        slicer.util.warningDisplay(
            problem + "\n\n" + _("Choose a folder for the reviews of these cases.")
        )
        chosen = qt.QFileDialog.getExistingDirectory(parent, _("Folder for reviews"))
        if not chosen:
            return None
        folder = Path(chosen)
