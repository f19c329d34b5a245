"""All words that a visitor reads, apart from the engine's own messages."""

from __future__ import annotations

TITLE = "HypothalamusSeg"
SUBTITLE = (
    "Outlines and volumes of the hypothalamus and the intracranial space on T1-weighted MRI of the "
    "head."
)
MEDICAL_USE = (
    "<b>Not a medical device.</b> Software for research; not cleared for diagnosis or treatment. "
    "Nobody should decide about a patient by these numbers."
)
HOW_TO_READ = (
    "The outlines follow one protocol, learned from another network, not from raters; never "
    "compare them with volumes from other programs. The ratio to ICV is for a single case: in "
    "groups, use ICV as a covariate. The networks’ spread is not an error bar."
)
NO_FILE = "No file yet. Drop a scan above, or take the sample brain."
NO_RESULT = "No result yet."
NO_FLAG = "No quality flag. Look at the outlines all the same."
STRUCK = "Grey and struck: made wrong by a severe flag (■)."
COVERED = "(made wrong by the severe flag above)"
REPORT = "Report of one page (PDF)"
ABOUT_THE_FILE = (
    "Rounded to three significant digits, ICV in mL. The file has all decimals, with ICV in mm³."
)
# Headings of the tables that a plain sentence explains.
TIPS = {
    "Volume": "For each voxel the networks say how much of it belongs to the structure; the volume "
    "is the sum of these shares.",
    "Voxel count": "The volume of all voxels inside of the outline, counted as whole ones. It is "
    "smaller than the volume, which also counts the part of a structure in voxels at its border.",
    "Usual": "Between these limits the volume is as in most adults, measured with this protocol. "
    "Beyond them there is a flag.",
    "of ICV": "The volume as a share of the intracranial volume, the whole space inside of the "
    "skull: it takes out that large heads have large structures.",
    "at 1500 mL": "What the volume would be in a head with an intracranial volume of 1500 mL, all "
    "proportions kept.",
    "Fold SD": "How far the networks’ five volumes lie apart (standard deviation). It is no error "
    "bar: networks can agree and be wrong.",
    "Fold lowest": "The smallest of the networks’ volumes.",
    "Fold highest": "The largest of the networks’ volumes.",
    "90 % from": "Nine of ten unseen scans had the volume of their label above this and below the "
    "limit beside it. It is about scans like those of the validation.",
    "90 % to": "The upper limit of the interval that held nine of ten labels.",
    "Total": "Left and right together; usual are 450–1100 mm³.",
    "ICV": "Intracranial volume: the whole space inside of the skull; usual are 1000–1900 mL.",
}
PASSWORD_NEEDED = "This page needs a name and a password."
NOT_FOUND = "There is nothing here."
TOO_MANY_VISITORS = "The server has too many visitors at present. Try again later."
OTHER_SITE = "This request comes from another site's page and is refused."
BAD_REQUEST = "The request cannot be understood."
TOO_SLOW = "The rest of the request did not come in time. Try again."
UNKNOWN_HOST = (
    "This server is not known by that name. Who runs it can add the name: "
    "hypothalamus-seg serve --allow-host NAME."
)
TOO_MANY_GUESSES = "Too many wrong passwords. Wait a quarter of an hour, and try again."
TOO_MANY_AT_ONCE = "Too many at a time. Wait until one is done, and try again."
CHOOSE_SERIES = "The archive holds several series. Choose the T1-weighted one:"
NO_CHOICE = "There is no such series to choose."
DISK_FULL = "The server's disk is full. Tell who runs it, or try again later."
EMPTY_FILE = "The file is empty."
QUEUE_FULL = "The queue is full. Wait until others are done, and press Start again."
NOTHING_TO_START = "There is nothing to start: every usable scan has its result already."
DELETED = "Your scans and results are deleted."
STOPPED = "Stopped. No partial result is left."

STAGES = {
    "": "starting",
    "read": "reading the file",
    "networks": "loading the networks",
    "coarse": "looking for the head",
    "fine": "looking closely at the hypothalamus",
    "measure": "measuring",
    "write": "writing the files",
    "viewer": "preparing the views",
}
NETWORKS = {"coarse": "intracranial space", "fine": "hypothalamus"}

ERRORS = {
    "cancelled": "Cancelled.",
    "queue_full": QUEUE_FULL,
    "worker_lost": "The engine was ended by the system before it was done, mostly because memory "
    "ran out. It has been started anew: press Start again, or give a smaller scan.",
    "worker_not_started": "The engine cannot be started on this server. Tell who runs it; the "
    "reason is in the server's log.",
    "too_slow": "This took too long and was given up. Give a scan of the head alone, with voxels "
    "of about 1 mm.",
}
STRUCTURE_CHOICES = {"hypothalamus": "hypothalamus", "icv": "intracranial volume (ICV)"}
GRIDS = {
    "0.5": "0.5 mm cubes",
    "native": "the scan’s own voxels",
    "ulm": "Ulm raters’ grid, 0.125 × 0.125 × 0.5 mm",
}
SYMBOLS = {"severe": "■", "doubtful": "▲", "note": "●", "good": "✓"}
SEVERITY_NAMES = {
    "severe": "numbers are wrong or may be",
    "doubtful": "doubtful",
    "note": "good to know",
}


def privacy(minutes: float, minutes_after_download: float) -> str:
    """What becomes of a visitor's scans."""
    return (
        "<b>Your scans</b> are sent to this server and worked on there, nowhere else. Only you can "
        f"see them. They are deleted {minutes:g} minutes after your last click "
        f"({minutes_after_download:g} minutes once you have downloaded everything), at once when "
        "you press <i>Delete my files</i>, and when the server stops. File names and pictures of a "
        "head can tell who it is: remove names before you upload, if your rules ask for it."
    )


def stage_words(stage: str, fold: int | None, folds: int | None) -> str:
    """What the engine does, in plain words."""
    if fold:
        return f"{NETWORKS[stage]}: network {fold} of {folds} done"
    return STAGES[stage]


def error_message(error: dict) -> str:
    """What went wrong, in a sentence."""
    if error["code"] == "unexpected":
        return unexpected(error["reference"])
    return ERRORS.get(error["code"]) or error["message"]


def unexpected(reference: str) -> str:
    return (
        "Something went wrong that was not foreseen. Tell who runs this server, with the number "
        f"{reference}."
    )


def unknown_grid(grid: object) -> str:
    return f"Unknown grid {grid!r}; known are: {', '.join(GRIDS)}."


def unknown_structures(structures: str, known: tuple[str, ...]) -> str:
    return f"Unknown structures {structures!r}; choose one or both of: {', '.join(known)}."


def unknown_folds(folds: str, known: tuple[int, ...]) -> str:
    return f"Unknown networks {folds!r}; choose one or more of: {', '.join(map(str, known))}."


def more_flags(count: int) -> str:
    return "1 more flag" if count == 1 else f"{count} more flags"


def done_title(names: list[str]) -> str:
    """The page's title once nothing is at work any more."""
    return f"✓ {names[0] if len(names) == 1 else f'{len(names)} scans'} done – {TITLE}"


def busy_title(fraction: float) -> str:
    return f"{100 * fraction:.0f} % – {TITLE}"


def done_words(name: str, flag_title: str) -> str:
    """For those who do not see that the page has moved on."""
    return f"{name} is segmented. {flag_title or 'No quality flag'}. The result follows."


def too_large(limit_bytes: int) -> str:
    if limit_bytes < 1 << 20:
        return "The request is larger than is taken here."
    return f"The file is larger than is taken here ({limit_bytes >> 20} MB)."


def some_left(count: int) -> str:
    """The queue took some of the scans."""
    scans = "1 scan has" if count == 1 else f"{count} scans have"
    return f"The queue is full: {scans} found no place. Press Start again when others are done."


def too_many_files(most: int) -> str:
    return f"At most {most} files are taken at a time. Remove some, or delete all of them."


def ordinal(number: int) -> str:
    """Number in words of order: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
