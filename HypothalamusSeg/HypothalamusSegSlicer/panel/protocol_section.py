"""The protocol in section “Input”: whose outlines new results are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from HypothalamusSegLib.errors import WeightsError
from slicer.i18n import tr as _

from ..protocols import choices
from ..protocols.choices import ProtocolChoice
from .protocol_text import choice_texts, plain_tooltip, problem_text


class ProtocolSection:
    """Offers the published protocol and those that were added.

    Parameters
    ----------
    ui : namespace of widgets
    on_change : callable
        Told when another protocol was chosen, or the chosen one can or cannot be used any more.
    """

    def __init__(self, ui, on_change: Callable[[], None]) -> None:
        self.ui = ui
        self._on_change = on_change
        self._choices: list[ProtocolChoice] = []
        self.chosen = choices.chosen()
        ui.protocolComboBox.connect("activated(int)", self._activated)
        ui.addProtocolButton.connect("clicked(bool)", self._add_clicked)
        ui.removeProtocolButton.connect("clicked(bool)", self._remove_clicked)
        self._fill()

    def check(self) -> ProtocolChoice:
        """Read the chosen protocol anew: its folder may have gone, or come back."""
        before, self.chosen = self.chosen, choices.chosen()
        if self.chosen != before:
            self._fill()
            self._on_change()
        return self.chosen

    def choose(self, folder: str) -> None:
        """Draw new results by another protocol; empty: the published one."""
        choices.choose(folder)
        self.chosen = choices.chosen()
        self._fill()
        self._on_change()

    def add(self, folder: Path) -> bool:
        """Add a folder of weights and choose it; says why if it cannot be used."""
        added = self._add(folder)
        if added is not None:
            self.choose(added.folder)
        return added is not None

    def _add(self, folder: Path) -> ProtocolChoice | None:
        try:
            with slicer.util.WaitCursor():
                return choices.add(folder)
        except WeightsError as error:
            slicer.util.errorDisplay(
                _("This folder cannot be added: {reason}").format(reason=error)
            )
            return None

    def offer(self, folder: Path) -> bool:
        """Add a folder to the list without choosing it; says why if it cannot be used."""
        is_added = self._add(folder) is not None
        self._fill()
        return is_added

    def set_enabled(self, is_enabled: bool) -> None:
        """Nothing can be chosen while a run goes on."""
        self.ui.protocolComboBox.enabled = is_enabled
        self.ui.addProtocolButton.enabled = is_enabled
        self.ui.removeProtocolButton.enabled = is_enabled and bool(self.chosen.folder)

    def _activated(self, index: int) -> None:
        if self._choices[index].folder != self.chosen.folder:
            self.choose(self._choices[index].folder)
        else:
            self.check()

    def _add_clicked(self, checked: bool = False) -> None:
        found = qt.QFileDialog.getExistingDirectory(
            self.ui.addProtocolButton, _("Folder of weights, made by hypothalamus-seg adapt")
        )
        if found:
            self.add(Path(found))

    def _remove_clicked(self, checked: bool = False) -> None:
        choices.forget(self.chosen.folder)
        self.choose("")

    def _fill(self) -> None:
        self._choices = choices.all_choices()
        folders = [choice.folder for choice in self._choices]
        box = self.ui.protocolComboBox
        box.clear()
        for text in choice_texts(self._choices):
            box.addItem(text)
        for index, choice in enumerate(self._choices):
            box.setItemData(
                index, plain_tooltip(choice.problem or choice.folder), qt.Qt.ToolTipRole
            )
        box.currentIndex = folders.index(self.chosen.folder)
        self.ui.removeProtocolButton.enabled = bool(self.chosen.folder) and box.enabled
        self.ui.protocolProblemLabel.text = problem_text(self.chosen)
        self.ui.protocolProblemLabel.visible = bool(self.chosen.problem)
