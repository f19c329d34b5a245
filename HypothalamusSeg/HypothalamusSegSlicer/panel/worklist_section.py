"""Section “Worklist” of the panel: one case after another, each review kept at once."""

from __future__ import annotations

import slicer
from HypothalamusSegLib.errors import HypothalamusSegError
from slicer.i18n import tr as _

from ..worklist.case import Case, WorklistError, flag_codes
from ..worklist.case_lists import CaseList
from ..worklist.cases_ahead import CasesAhead, PreparedCase
from ..worklist.list_settings import remember, review_folder_of
from ..worklist.open_case import OpenCase, OpenCaseError
from ..worklist.review_table import ReviewTable
from ..worklist.worklist import Order, Worklist
from .adapt_section import AdaptSection
from .list_opening import ListOpening, move_reviews, writable_folder
from .list_view import ListView
from .review_section import remember_reviewer, remembered_reviewer
from .verdict_keys import ACCEPTED, REJECTED, VerdictKeys
from .worklist_text import case_title, compare_the_readers, order_titles

# Scans that are read, and results that are held, besides the case that is shown.
CASES_AHEAD = 2


class WorklistSection:
    """Opens the cases of a list in the panel.

    Parameters
    ----------
    ui : namespace of widgets
    panel : HypothalamusSegPanel
        Shows the volume and the result of the case.
    root : QWidget
        Its keys give verdicts.
    """

    def __init__(self, ui, panel, root) -> None:
        self.ui, self.panel = ui, panel
        self.cases: Worklist | None = None
        self.shown: OpenCase | None = None
        self.ahead = CasesAhead(panel.logic.engine, self._prepared, self._progressed)
        self._opening = ListOpening(ui, self._open_list)
        self.is_blinded = False
        self._message = ""
        self._view = ListView(ui)
        self.adapt = AdaptSection(ui, panel)
        for order, title in order_titles().items():
            ui.orderComboBox.addItem(title, order.value)
        for name, slot in (
            ("backButton", self._back),
            ("acceptNextButton", self._accept),
            ("rejectNextButton", self._reject),
            ("closeListButton", self._close_clicked),
            ("agreementButton", self._write_agreement),
        ):
            getattr(ui, name).connect("clicked(bool)", slot)
        ui.orderComboBox.connect("currentIndexChanged(int)", self._sort)
        ui.blindedCheckBox.connect("toggled(bool)", self._blind)
        ui.caseList.connect("itemClicked(QListWidgetItem*)", self._clicked)
        ui.reviewerLineEdit.connect("editingFinished()", self._reader_changed)
        self._keys = VerdictKeys(ui, root, self._judge)
        self._refresh()

    # Lists

    def _open_list(self, found: CaseList, source: str) -> None:
        if not self.close_list():
            return
        folder = writable_folder(self.ui.openFolderButton, review_folder_of(source) or found.folder)
        if folder is None:
            return
        reader = self.ui.reviewerLineEdit.text or remembered_reviewer()
        remember_reviewer(reader)
        try:
            self.cases = Worklist(found.cases, ReviewTable(folder), reader, self._order())
        except WorklistError as error:
            slicer.util.errorDisplay(str(error))
            return
        remember(source, folder)
        for case in self.cases.replaced:
            self.cases.reopen(case)
        self.ui.worklistCollapsible.collapsed = False
        self.adapt.show(self.cases)
        self._fill_list()
        self.show_next()

    def _close_clicked(self, checked: bool = False) -> None:
        self.close_list()

    def close_list(self) -> bool:
        """Keep what was done and forget the list; False if that cannot be kept."""
        if not self._keep(None):
            return False
        self._leave()
        self.ahead.close()
        self.cases, self._message = None, ""
        self.adapt.show(None)
        self._refresh()
        return True

    # The case that is shown

    def show_next(self) -> None:
        """Open the next case without a verdict."""
        case = self.cases.next_undone(self.shown.case if self.shown else None)
        if case is None:
            self._leave()
            self._message = _("Every case of the list has a verdict.")
            self._refresh()
        else:
            self._open(case)

    def _open(self, case: Case) -> None:
        """Show a case; what was shown before must have been kept."""
        self.panel.review.keeps_layout = True
        self._leave()
        self._message = ""
        self._look_ahead(case)
        title = case_title(self.cases, case, self.is_blinded)
        with slicer.util.WaitCursor():
            self.shown = OpenCase(self.panel.scene, self.ahead.get(case), title)
            try:
                volume = self.shown.enter_scene()
            except OpenCaseError as error:
                self._message = str(error)
            else:
                self.panel.show_volume(volume)
                self._take_result()
        self.panel.review.keeps_layout = False
        self._refresh()

    def _look_ahead(self, case: Case) -> None:
        following = self.cases.upcoming(case, CASES_AHEAD)
        self.ahead.want([case, *following], self.panel.options())

    def _take_result(self) -> None:
        """Show the result of the case, if there is one by now."""
        prepared = self.shown.prepared
        if prepared.result is not None:
            try:
                self._message = self.shown.take_result(self.cases)
            except OpenCaseError as error:
                self._message = str(error)
                if prepared.case.result is None:
                    self.ahead.set_aside(prepared)
            else:
                self.panel.show_case()
                self.shown.note_state(self.panel.watch)
        elif prepared.outcome is not None:
            self._message = prepared.outcome.message or ""
        self.panel.run.wait_for_result(self._is_waiting)

    @property
    def _is_waiting(self) -> bool:
        """Whether the result of the case that is shown comes by itself."""
        return self.shown is not None and self.ahead.is_to_come(self.shown.case)

    def _prepared(self, prepared: PreparedCase) -> None:
        """A case was segmented in the background, or could not be read."""
        if self.cases is None:
            return
        if prepared.result is not None:
            self.cases.set_flags(prepared.case, flag_codes(prepared.result.description))
        if self.shown is not None and self.shown.prepared is prepared and self.shown.is_open:
            self._take_result()
        self._refresh()

    def _progressed(self, prepared: PreparedCase, fraction: float, step: str) -> None:
        if self.shown is not None and self.shown.prepared is prepared:
            self.panel.run.show_progress(fraction, step)

    def _keep(self, mark: str | None) -> bool:
        """Write the review of the case that is shown; False if the user must stay with it."""
        if self.cases is None or self.shown is None:
            return True
        while True:
            try:
                self.shown.keep(self.cases, self.panel.watch, mark)
                return True
            except WorklistError as error:
                slicer.util.errorDisplay(str(error))
            if not move_reviews(self.ui.acceptNextButton, self.cases):
                return False

    def _leave(self, scene_goes: bool = False) -> None:
        """Remove the case that is shown from the scene, unless all of it goes."""
        shown, self.shown = self.shown, None
        if shown is not None:
            if not scene_goes:
                self.panel.show_volume(None)  # once, not for each node that is removed
                shown.leave_scene()
            self.ahead.release(shown.case)
            self.panel.run.wait_for_result(False)

    # What the user does

    def _accept(self, checked: bool = False) -> None:
        self._judge(ACCEPTED)

    def _reject(self, checked: bool = False) -> None:
        self._judge(REJECTED)

    def _judge(self, mark: str) -> None:
        if self._keep(mark):
            self.adapt.show(self.cases)
            self.show_next()

    def _back(self, checked: bool = False) -> None:
        before = self.cases.before(self.shown.case if self.shown else None)
        if before is not None and self._keep(None):
            self._open(before)

    def _clicked(self, item=None) -> None:
        case = self.cases.cases[self.ui.caseList.currentRow]
        if (self.shown is None or self.shown.case != case) and self._keep(None):
            self._open(case)
        self._refresh()

    def _order(self) -> Order:
        if self.is_blinded:
            return Order.SHUFFLED
        return Order(self.ui.orderComboBox.currentData)

    def _sort(self, index: int = 0) -> None:
        if self.cases is not None:
            self.cases.sort(self._order())
            self._fill_list()
            self._refresh()

    def _blind(self, is_blinded: bool) -> None:
        self.is_blinded = is_blinded
        self.ui.orderComboBox.enabled = not is_blinded
        self.panel.set_blinded(is_blinded)
        self._sort()
        if self.shown is not None:
            self.shown.rename(case_title(self.cases, self.shown.case, is_blinded))
            self.panel.results.show_names()

    def _reader_changed(self) -> None:
        """Another reader sees own reviews only; the case that is shown goes on as theirs."""
        reader = self.ui.reviewerLineEdit.text
        if self.cases is not None and reader != self.cases.reader:
            try:
                self.cases.change_reader(reader)
            except WorklistError as error:
                slicer.util.errorDisplay(str(error))
            self.adapt.show(self.cases)
            self._refresh()

    def _write_agreement(self, checked: bool = False) -> None:
        try:
            with slicer.util.WaitCursor():
                self._message = compare_the_readers(self.cases.table)
        except (WorklistError, HypothalamusSegError) as error:
            slicer.util.errorDisplay(str(error))
        self._refresh()

    # The scene and the application

    def scene_closes(self) -> None:
        """The scene is closed by the user: what was done is kept, and the list stays."""
        self._keep(None)
        self._leave(scene_goes=True)
        self._refresh()

    def segmented_by_hand(self) -> None:
        """The user pressed Apply on the case that is shown."""
        if self.shown is not None and self.shown.has_result:
            self.shown.note_state(self.panel.watch)
            self._message = ""
        self._refresh()

    def protocol_changed(self) -> None:
        """Cases that come are segmented by another protocol; a result that is shown stays."""
        self.adapt.show(self.cases)
        if self.shown is None:
            return
        if self.shown.has_result:
            following = self.cases.upcoming(self.shown.case, CASES_AHEAD)
            self.ahead.want(following, self.panel.options())
        elif self._keep(None):
            self._open(self.shown.case)

    def close(self) -> None:
        """The module or the application ends."""
        self.adapt.close()
        self._keep(None)
        self.ahead.close()
        self.cases = self.shown = None
        self._keys.close()

    def _fill_list(self) -> None:
        self._view.fill(self.cases, self.is_blinded)

    def _refresh(self) -> None:
        self._view.refresh(self.cases, self.shown, self.is_blinded, self._message)
