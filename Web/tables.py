"""Lists of scans and files as HTML."""

from __future__ import annotations

from urllib.parse import quote

from . import texts
from .entries import Entry, EntryState
from .expected_times import in_words
from .flag_words import flag_words
from .html_text import escape
from .work import Work, describe_entry

REPORT_SUFFIX, DICOM_SUFFIX = "_report.pdf", ".dcm"
DICOM_ARCHIVE = "dicom.zip"


def scan_list(entries: list[Entry], work: Work) -> str:
    """List all scans with their state and a button to remove them."""
    if not entries:
        return f"<p class='quiet'>{texts.NO_FILE}</p>"
    return "<ul class='scans'>" + "".join(_scan_line(e, work) for e in entries) + "</ul>"


def _scan_line(entry: Entry, work: Work) -> str:
    words, bar = _describe_state(entry, work)
    name = escape(entry.file_name)
    # Once there is a result, flags are shown with it.
    flags = () if entry.result else entry.checked.get("flags", ())
    notes = "".join(f"<span class='note-line'>{flag_words(flag)}</span>" for flag in flags)
    return (
        f"<li data-state='{entry.state.value}'><span class='name'>{name}</span>"
        f"<button type='button' class='remove' data-remove='{entry.identifier}' "
        f"aria-label='Remove {name}'>Remove</button>"
        f"<span class='standing'>{words}</span>{bar}{notes}{series_choice(entry)}</li>"
    )


def series_choice(entry: Entry) -> str:
    """The series of a study, each with its picture and a button that takes it."""
    if entry.state is not EntryState.CHOOSING:
        return ""
    items = []
    for series in entry.series:
        number = series["number"]
        name = escape(series["description"] or "no description")
        address = file_address(entry, f"series-{number}.png")
        picture = f"<img src='{address}' alt='' loading='lazy'>" if series["has_picture"] else ""
        size = " × ".join(str(n) for n in series["size"] if n > 1)
        items.append(
            f"<li>{picture}<button type='button' data-scan='{entry.identifier}' "
            f"data-series='{number}'>{name}</button> "
            f"<span class='quiet'>{series['images']} images, {size}</span></li>"
        )
    return f"<ul class='series'>{''.join(items)}</ul>"


def _describe_state(entry: Entry, work: Work) -> tuple[str, str]:
    if entry.state is EntryState.CHECKING:
        return "being checked …", ""
    if entry.state is EntryState.CHOOSING:
        return f"{texts.CHOOSE_SERIES} {escape(describe_entry(entry)['message'] or '')}", ""
    if entry.state is EntryState.SEGMENTING:
        place = work.place_of(entry)
        if place:
            words = f"{texts.ordinal(place)} in the queue{_wait(work, entry, ', done in about ')}"
            return words, _bar(0, "waiting")
        now = describe_entry(entry)
        fraction = now["fraction"] or 0.0
        words = texts.stage_words(now["stage"] or "", now["fold"], now["folds"])
        left = _wait(work, entry, "; about ", " left")
        return f"{100 * fraction:.0f} %, {words}{left}", _bar(fraction, words)
    trouble = escape(texts.error_message(entry.error)) if entry.error else ""
    if entry.state is EntryState.READY:
        return f"✓ ready: {_geometry(entry)}", ""
    if entry.state is EntryState.DONE:
        return f"✓ done. {trouble}", ""
    if entry.state is EntryState.CANCELLED:
        return "canceled; no partial result was kept", ""
    return f"✗ {trouble}", ""


def _wait(work: Work, entry: Entry, before: str, after: str = "") -> str:
    """The expected time, once runs have shown how long one takes."""
    seconds = work.seconds_left(entry)
    return "" if seconds is None else f"{before}{in_words(seconds)}{after}"


def _geometry(entry: Entry) -> str:
    voxels = " × ".join(str(n) for n in entry.checked["shape"])
    edges = " × ".join(f"{edge:g}" for edge in entry.checked["spacing_mm"])
    return f"{voxels} voxels of {edges} mm"


def _bar(fraction: float, words: str) -> str:
    return f"<progress max='1' value='{fraction:.3f}' aria-label='{escape(words)}'></progress>"


def downloads(entry: Entry) -> str:
    """Links to the files of one scan."""
    links = "".join(f"<li>{_link(entry, name, escape(name))}</li>" for name in entry.files)
    return f"<h3>Files of {escape(entry.result['name'])}</h3><ul class='files'>{links}</ul>"


def report_link(entry: Entry) -> str:
    """The links to the one-page report and to the DICOM objects, where there are any."""
    reports = [name for name in entry.files if name.endswith(REPORT_SUFFIX)]
    links = [_link(entry, name, texts.REPORT) for name in reports]
    if any(name.endswith(DICOM_SUFFIX) for name in entry.files):
        links.append(_link(entry, DICOM_ARCHIVE, texts.DICOM))
    words = "".join(f"<p class='report'>{link}</p>" for link in links)
    if entry.dicom_failure:
        words += f"<p class='quiet'>{texts.NO_DICOM} {escape(entry.dicom_failure)}</p>"
    return words


def _link(entry: Entry, name: str, words: str) -> str:
    return f"<a download href='{file_address(entry, name)}'>{words}</a>"


def download_everything(entries: list[Entry]) -> str:
    """The link to all files of all scans."""
    count = sum(entry.result is not None for entry in entries)
    if not count:
        return ""
    scans = "this scan" if count == 1 else f"{count} scans"
    return (
        "<a class='everything' download href='results/everything.zip'>"
        f"Download everything of {scans} (zip)</a>"
    )


def file_address(entry: Entry, name: str) -> str:
    """Relative to the page, so that it holds behind a proxy too."""
    return f"results/{entry.identifier}/{quote(name)}"
