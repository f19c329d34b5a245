"""The widgets of section “Worklist”: the list, the line below it, and which buttons can be used."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..worklist.list_settings import last_source
from ..worklist.open_case import OpenCase
from ..worklist.worklist import Worklist
from .worklist_text import case_line, progress_text

LIST_BUTTONS = ("closeListButton", "agreementButton", "caseList", "backButton")


class ListView:
    """Shows what a list is like; decides nothing.

    Parameters
    ----------
    ui : namespace of widgets
    """

    def __init__(self, ui) -> None:
        self.ui = ui

    def fill(self, cases: Worklist, is_blinded: bool) -> None:
        """Show the cases in their order."""
        self.ui.caseList.clear()
        for case in cases.cases:
            self.ui.caseList.addItem(case_line(cases, case, is_blinded))

    def refresh(
        self, cases: Worklist | None, shown: OpenCase | None, is_blinded: bool, message: str
    ) -> None:
        """Show verdicts, progress and a message.

        Parameters
        ----------
        cases : Worklist or None
            None: no list is open.
        shown : OpenCase or None
            The case that is read.
        is_blinded : bool
        message : str
        """
        there, reading = cases is not None, shown is not None
        for name in LIST_BUTTONS:
            getattr(self.ui, name).enabled = there
        self.ui.resumeListButton.enabled = not there and bool(last_source())
        has_reader = there and bool(cases.reader)
        self.ui.rejectNextButton.enabled = has_reader and reading
        self.ui.acceptNextButton.enabled = has_reader and reading and shown.has_result
        if not there:
            self.ui.caseList.clear()
            self.ui.worklistLabel.text = ""
            return
        for row, case in enumerate(cases.cases):
            self.ui.caseList.item(row).setText(case_line(cases, case, is_blinded))
        self.ui.caseList.currentRow = cases.index(shown.case) if reading else -1
        progress = cases.progress
        self.ui.agreementButton.enabled = not is_blinded or progress.done == progress.total
        lines = [progress_text(progress), message]
        if not has_reader:
            lines.append(_("▲ Enter your name as reviewer below before you judge a case."))
        self.ui.worklistLabel.text = "\n".join(line for line in lines if line)
