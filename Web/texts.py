"""All texts that a visitor reads, apart from the messages of the engine."""

from __future__ import annotations

from typing import NamedTuple

TITLE = "HypothalamusSeg"
SUBTITLE = (
    "Outlines and volumes of the hypothalamus and the intracranial space on T1-weighted head MRI."
)
MEDICAL_USE = (
    "<b>Not a medical device.</b> For research only; not cleared for diagnosis or treatment. "
    "Do not use it for clinical decisions."
)
HOW_TO_READ = (
    "The outlines follow one protocol. The published one (Billot 2020) was learned from another "
    "network, not from raters. Never compare volumes of different protocols or programs. The ratio "
    "to ICV is for single cases only: in group studies, use ICV as a covariate. The spread of the "
    "networks is not an error bar."
)
NO_FILE = "No file yet. Drop a scan above, or add the sample brain."
NO_RESULT = "No result yet."
NO_FLAG = "No quality flags. Check the outlines anyway."
PROTOCOL = "Protocol"
ABOUT_PROTOCOLS = "Whose outlines the networks draw"
SEVERAL_PROTOCOLS = (
    "<b>Several protocols.</b> These scans were segmented by different protocols. Their volumes "
    "differ for that reason alone and must not be compared."
)
STRUCK = "Gray and struck through: a severe flag (■) makes the number wrong."
COVERED = "(made wrong by the severe flag above)"
REPORT = "One-page report (PDF)"
DICOM = "DICOM (SEG + SR)"
NO_DICOM = "There are no DICOM objects."
ABOUT_THE_FILE = (
    "Rounded to three significant digits, ICV in mL. The file contains all decimals and gives ICV "
    "in mm³."
)


class Heading(NamedTuple):
    """A heading of a table, and what explains it, where it needs that."""

    title: str
    tip: str = ""


HEADINGS = {
    "scan": Heading("Scan"),
    "structure": Heading("Structure"),
    "left": Heading("Left"),
    "right": Heading("Right"),
    "flags": Heading("Flags"),
    "protocol": Heading(
        "Protocol",
        "Whose outlines the networks draw. Volumes of different protocols must not be compared.",
    ),
    "volume": Heading(
        "Volume",
        "For each voxel, the networks estimate how much of it belongs to the structure. The "
        "volume is the sum of these shares.",
    ),
    "voxel_count": Heading(
        "Voxel count",
        "The volume of all voxels inside the outline, each counted in full. It is "
        "smaller than the volume, which also counts the share of voxels at the border.",
    ),
    "usual": Heading(
        "Usual",
        "The usual range in adults with this protocol. Volumes outside it are flagged.",
    ),
    "of_icv": Heading(
        "of ICV",
        "The volume as a share of the intracranial volume (the whole space inside the "
        "skull). This accounts for head size.",
    ),
    "at_1500_ml": Heading(
        "at 1500 mL",
        "The volume scaled to a head with an intracranial volume of 1500 mL.",
    ),
    "fold_sd": Heading(
        "Fold SD",
        "How much the volumes of the five networks differ (standard deviation). It is not "
        "an error bar: the networks can agree and still be wrong.",
    ),
    "fold_min": Heading(
        "Fold lowest",
        "The smallest volume of any network.",
    ),
    "fold_max": Heading(
        "Fold highest",
        "The largest volume of any network.",
    ),
    "low": Heading(
        "90 % from",
        "Lower limit of the interval that contained the reference volume in nine of ten "
        "scans not used for training. It holds for scans like those of the validation.",
    ),
    "high": Heading(
        "90 % to",
        "Upper limit of the interval that contained the reference volume in nine of ten "
        "scans not used for training.",
    ),
    "total": Heading(
        "Total",
        "Left and right together; usual range 450–1100 mm³.",
    ),
    "icv": Heading(
        "ICV",
        "Intracranial volume: the whole space inside the skull; usual range 1000–1900 mL.",
    ),
}
PASSWORD_NEEDED = "This page needs a user name and a password."
NOT_FOUND = "Page not found."
TOO_MANY_VISITORS = "The server has too many visitors right now. Try again later."
OTHER_SITE = "This request came from another website and was refused."
BAD_REQUEST = "The request is not valid."
TOO_SLOW = "The rest of the request did not arrive in time. Try again."
UNKNOWN_HOST = (
    "The server does not accept this host name. The administrator can add it: "
    "hypothalamus-seg serve --allow-host NAME."
)
TOO_MANY_GUESSES = "Too many wrong passwords. Try again in 15 minutes."
TOO_MANY_AT_ONCE = "Too many requests at a time. Wait until one is done, then try again."
CHOOSE_SERIES = "The archive contains several series. Choose the T1-weighted one:"
NO_CHOICE = "There is no such series to choose."
DISK_FULL = "The disk of the server is full. Tell the administrator, or try again later."
EMPTY_FILE = "The file is empty."
QUEUE_FULL = "The queue is full. Wait until other scans are done, then press Start again."
NOTHING_TO_START = "Nothing to do: every usable scan already has its result."
DELETED = "Your scans and results have been deleted."
STOPPED = "Stopped. No partial result was kept."

STAGES = {
    "": "starting",
    "read": "reading the file",
    "networks": "loading the networks",
    "coarse": "finding the head",
    "fine": "segmenting the hypothalamus",
    "measure": "measuring",
    "write": "writing the files",
    "viewer": "preparing the views",
}
NETWORKS = {"coarse": "intracranial space", "fine": "hypothalamus"}

ERRORS = {
    "cancelled": "Canceled.",
    "queue_full": QUEUE_FULL,
    "worker_lost": "The engine was stopped by the system before it finished, usually because "
    "memory ran out. It has been restarted: press Start again, or upload a smaller scan.",
    "worker_not_started": "The engine cannot be started on this server. Tell the administrator; "
    "the reason is in the server log.",
    "too_slow": "This took too long and was stopped. Upload a scan of the head only, with voxels "
    "of about 1 mm.",
}
STRUCTURE_CHOICES = {"hypothalamus": "hypothalamus", "icv": "intracranial volume (ICV)"}
GRIDS = {
    "0.5": "0.5 mm cubes",
    "native": "original voxels of the scan",
    "ulm": "grid of the Ulm raters, 0.125 × 0.125 × 0.5 mm",
}
SYMBOLS = {"severe": "■", "doubtful": "▲", "note": "●", "good": "✓"}
SEVERITY_NAMES = {
    "severe": "numbers are wrong",
    "doubtful": "doubtful",
    "note": "good to know",
}


def privacy(minutes: float, minutes_after_download: float) -> str:
    """What happens to a visitor's scans."""
    return (
        "<b>Your scans</b> are sent to this server and processed only there. Only you can see "
        f"them. They are deleted {minutes:g} minutes after your last click "
        f"({minutes_after_download:g} minutes once you have downloaded everything), immediately "
        "when you press <i>Delete my files</i>, and when the server stops. File names and head "
        "images can identify a person: remove names before you upload, if your rules require it."
    )


def stage_words(stage: str, fold: int | None, folds: int | None) -> str:
    """What the engine is doing, in plain words."""
    if fold:
        return f"{NETWORKS[stage]}: network {fold} of {folds} done"
    return STAGES[stage]


def error_message(error: dict) -> str:
    """What went wrong, in a sentence."""
    if error["code"] == "unexpected":
        return unexpected_error(error["reference"])
    return ERRORS.get(error["code"]) or error["message"]


def unexpected_error(reference: str) -> str:
    return (
        "An unexpected error occurred. Tell the administrator of this server the number "
        f"{reference}."
    )


def unknown_grid(grid: object) -> str:
    return f"Unknown grid {grid!r}; choose one of: {', '.join(GRIDS)}."


def unknown_protocol(known: tuple[str, ...]) -> str:
    return f"Unknown protocol; choose one of: {', '.join(known)}."


def unknown_structures(structures: str, known: tuple[str, ...]) -> str:
    return f"Unknown structures {structures!r}; choose one or both of: {', '.join(known)}."


def unknown_folds(folds: str, known: tuple[int, ...]) -> str:
    return f"Unknown networks {folds!r}; choose one or more of: {', '.join(map(str, known))}."


def more_flags(count: int) -> str:
    return "1 more flag" if count == 1 else f"{count} more flags"


def done_title(names: list[str]) -> str:
    """The page title once all work is done."""
    return f"✓ {names[0] if len(names) == 1 else f'{len(names)} scans'} done – {TITLE}"


def busy_title(fraction: float) -> str:
    return f"{100 * fraction:.0f} % – {TITLE}"


def done_words(name: str, flag_title: str) -> str:
    """For screen readers, when the page shows a new result."""
    return f"{name} is segmented. {flag_title or 'No quality flags'}. The result is shown below."


def too_large(limit_bytes: int) -> str:
    if limit_bytes < 1 << 20:
        return "The request is too large."
    return f"The file is larger than the limit of {limit_bytes >> 20} MB."


def some_left(count: int) -> str:
    """The queue accepted only some of the scans."""
    scans = "1 scan was" if count == 1 else f"{count} scans were"
    return f"The queue is full: {scans} not added. Press Start again when other scans are done."


def too_many_files(most: int) -> str:
    return f"At most {most} files are accepted at a time. Remove some, or delete all of them."


def ordinal(number: int) -> str:
    """Number in words of order: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
