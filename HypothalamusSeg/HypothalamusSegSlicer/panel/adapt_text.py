"""What the panel says about an adaptation of the networks."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..engine_run.outcome import EngineOutcome
from ..worklist.training_cases import FEWEST_SUBJECTS, LearningCases


def what_there_is(found: LearningCases | None, protocol: str) -> str:
    """How many cases there are to learn from, and which are left out."""
    if found is None:
        return _("Open a list and correct some cases: the networks learn from them.")
    lines = [
        _("Corrected cases: {count}, of {subjects} subjects. Other scans: {others}.").format(
            count=len(found.corrected), subjects=found.subjects, others=len(found.others)
        )
    ]
    if not found.are_enough:
        lines.append(
            _("▲ At least {count} subjects are needed, better ten. Correct more cases.").format(
                count=FEWEST_SUBJECTS
            )
        )
    if found.of_other_protocols:
        lines.append(
            _(
                "▲ Left out, because the corrected outlines were not those of the chosen protocol "
                "“{name}”: {count}."
            ).format(count=found.of_other_protocols, name=protocol)
        )
    if found.without_files:
        lines.append(
            _("▲ Left out, because the scan or the label map is missing: {count}.").format(
                count=found.without_files
            )
        )
    return "\n".join(lines)


def result_text(outcome: EngineOutcome, is_added: bool, with_cases: bool) -> str:
    """The verdict, where the page is, and labels to look at.

    Parameters
    ----------
    outcome : EngineOutcome
        With a result.
    is_added : bool
        Whether the new protocol can be chosen.
    with_cases : bool
        False: name no case, because the reader is blinded.
    """
    result = outcome.result
    lines = [result["verdict"]]
    if is_added:
        lines.append(_("You can choose the new protocol under “Input”."))
    page = next(iter(outcome.files), "")
    lines.append(_("Figures and pictures: {page}").format(page=page))
    if result["findings"] and with_cases:
        lines += [f"▲ {finding['case']}: {finding['message']}" for finding in result["findings"]]
    elif result["findings"]:
        count = len(result["findings"])
        lines.append(_("▲ Labels to check (see the page): {count}.").format(count=count))
    return "\n".join(lines)
