"""The Apply button in each state of the panel."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from slicer.i18n import tr as _


class State(enum.Enum):
    """States of the panel; exactly one at a time."""

    NOT_READY = "not ready"
    READY = "ready"
    INSTALLING = "installing PyTorch"
    RUNNING = "running"
    CANCELLING = "cancelling"
    AHEAD = "segmented in the background"


@dataclass(frozen=True)
class ApplyButton:
    """Appearance of the button."""

    text: str
    tooltip: str
    enabled: bool


def apply_button(state: State, missing: str = "") -> ApplyButton:
    """The button of a state; ``missing`` is the reason why the panel is not ready."""
    return {
        State.NOT_READY: ApplyButton(_("Apply"), missing, False),
        State.READY: ApplyButton(_("Apply"), _("Segment the input volume (Ctrl+Return)"), True),
        State.INSTALLING: ApplyButton(
            _("Cancel installation"), _("PyTorch is being installed; needed only once"), True
        ),
        State.RUNNING: ApplyButton(_("Cancel"), _("Stop the run; earlier results are kept"), True),
        State.AHEAD: ApplyButton(
            _("Being segmented…"),
            _("The worklist is segmenting this case in the background"),
            False,
        ),
        State.CANCELLING: ApplyButton(_("Canceling…"), _("Waiting for the engine to stop"), False),
    }[state]


def is_editable(state: State) -> bool:
    """Whether inputs may be changed."""
    return state in (State.NOT_READY, State.READY)


def remaining_text(fraction: float, elapsed_s: float) -> str:
    """Elapsed and estimated time, for the line below the progress bar."""
    if fraction < 0.1 or elapsed_s < 2:
        return f"{elapsed_s:.0f} s"
    remaining_s = elapsed_s * (1 - fraction) / fraction
    return f"{elapsed_s:.0f} s, about {max(1.0, remaining_s):.0f} s left"
