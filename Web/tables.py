"""Lists, tables and flags as HTML, for the page alone."""

from __future__ import annotations

import html
from urllib.parse import quote

from HypothalamusSegLib.flags import FLAG_TITLES, WEIGHTS, weight_of

from . import texts
from .sessions import Entry, EntryState
from .work import Work, described

MISSING = "–"
MM3_PER_ML = 1000


def escaped(text: object) -> str:
    """Text for HTML inside of Gradio's templates, which give braces and dollars a meaning."""
    plain = html.escape(str(text))
    for sign in "{}$`\\":
        plain = plain.replace(sign, f"&#{ord(sign)};")
    return plain


def scan_list(entries: list[Entry], work: Work) -> str:
    """Every scan with how it stands, and a button to remove it."""
    if not entries:
        return f"<p class='quiet'>{texts.NO_FILE}</p>"
    return "<ul class='scans'>" + "".join(_scan_line(e, work) for e in entries) + "</ul>"


def _scan_line(entry: Entry, work: Work) -> str:
    words, bar = _standing(entry, work)
    name = escaped(entry.file_name)
    # Once there is a result, its flags stand with it.
    flags = () if entry.result else entry.checked.get("flags", ())
    notes = "".join(_flag_line(flag) for flag in flags)
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
        name = escaped(series["description"] or "no description")
        address = file_address(entry, f"series-{number}.png")
        picture = f"<img src='{address}' alt='' loading='lazy'>" if series["has_picture"] else ""
        size = " × ".join(str(n) for n in series["size"] if n > 1)
        items.append(
            f"<li>{picture}<button type='button' data-scan='{entry.identifier}' "
            f"data-series='{number}'>{name}</button> "
            f"<span class='quiet'>{series['images']} images, {size}</span></li>"
        )
    return f"<ul class='series'>{''.join(items)}</ul>"


def _standing(entry: Entry, work: Work) -> tuple[str, str]:
    if entry.state is EntryState.CHECKING:
        return "being checked …", ""
    if entry.state is EntryState.CHOOSING:
        return f"{texts.CHOOSE_SERIES} {escaped(described(entry)['message'] or '')}", ""
    if entry.state is EntryState.SEGMENTING:
        place = work.place_of(entry)
        if place:
            return f"{texts.ordinal(place)} in the queue", _bar(0, "waiting")
        now = described(entry)
        fraction = now["fraction"] or 0.0
        words = texts.step_words(now["step"] or "")
        return f"{100 * fraction:.0f} %, {words}", _bar(fraction, words)
    trouble = escaped(texts.error_message(entry.error)) if entry.error else ""
    if entry.state is EntryState.READY:
        return f"✓ ready: {_geometry(entry)}", ""
    if entry.state is EntryState.DONE:
        return f"✓ done. {trouble}", ""
    if entry.state is EntryState.CANCELLED:
        return "cancelled; no partial result is left", ""
    return f"✗ {trouble}", ""


def _geometry(entry: Entry) -> str:
    voxels = " × ".join(str(n) for n in entry.checked["shape"])
    edges = " × ".join(f"{edge:g}" for edge in entry.checked["spacing_mm"])
    return f"{voxels} voxels of {edges} mm"


def _bar(fraction: float, words: str) -> str:
    return f"<progress max='1' value='{fraction:.3f}' aria-label='{escaped(words)}'></progress>"


def batch_table(entries: list[Entry]) -> str:
    """One row a finished scan."""
    done = [entry for entry in entries if entry.result]
    if not done:
        return ""
    head = ("Scan", "Left", "Right", "Total", "of ICV", "at 1500 mL", "ICV", "Flags")
    units = ("", "mm³", "mm³", "mm³ ± fold SD", "%", "mm³", "mL", "")
    rows = "".join(_batch_row(entry) for entry in done)
    key = " · ".join(
        f"<span class='{weight}'>{texts.SYMBOLS[weight]}</span> {words}"
        for weight, words in texts.WEIGHT_NAMES.items()
    )
    return _table("All results", head, units, rows) + f"<p class='quiet'>{key}</p>"


def _batch_row(entry: Entry) -> str:
    result = entry.result
    parts = result.get("hypothalamus") or {}
    total = parts.get("total") or {}
    spread = _number(total.get("fold_sd_mm3"), 1)
    volume = _number(total.get("volume_mm3"), 1)
    flags = sorted(result["quality"]["flags"], key=_weight_order)
    symbols = ", ".join(
        f"<span class='{weight_of(f['code'])}' title='{escaped(f['message'])}'>"
        f"{texts.SYMBOLS[weight_of(f['code'])]} "
        f"{escaped(FLAG_TITLES.get(f['code'], f['code']))}</span>"
        for f in flags
    )
    cells = (
        _number((parts.get("left") or {}).get("volume_mm3"), 1),
        _number((parts.get("right") or {}).get("volume_mm3"), 1),
        volume if spread == MISSING else f"{volume} ± {spread}",
        _percent(total.get("fraction_of_icv")),
        _number(total.get("icv_adjusted_mm3"), 1),
        _millilitres(result.get("icv_mm3")),
        symbols or f"<span class='good'>{texts.SYMBOLS['good']} none</span>",
    )
    return _row(escaped(result["name"]), cells)


def volume_table(result: dict) -> str:
    """One row a structure, with the networks' spread."""
    head = ("Structure", "Volume", "Voxel count", "of ICV", "at 1500 mL", "Fold SD", "Fold range")
    units = ("", "mm³", "mm³", "%", "mm³", "mm³", "mm³")
    rows = []
    for name, entry in _structures(result):
        is_icv = entry["structure"] == "icv"
        cells = (
            _number(entry["volume_mm3"], 1),
            _number(entry["mask_volume_mm3"], 1),
            MISSING if is_icv else _percent(entry["fraction_of_icv"]),
            MISSING if is_icv else _number(entry["icv_adjusted_mm3"], 1),
            _number(entry["fold_sd_mm3"], 1),
            f"{_number(entry['fold_min_mm3'], 1)}–{_number(entry['fold_max_mm3'], 1)}",
        )
        rows.append(_row(escaped(name), cells))
    return _table(f"Volumes of {escaped(result['name'])}", head, units, "".join(rows))


def _structures(result: dict) -> list[tuple[str, dict]]:
    found = []
    for part in ("left", "right", "total"):
        if result.get("hypothalamus"):
            found.append((f"Hypothalamus, {part}", result["hypothalamus"][part]))
    for label, entry in (result.get("subunits") or {}).items():
        name = entry["structure"].replace("_", " ")
        found.append((f"{name} ({label})", entry))
    if result.get("icv"):
        found.append(("Intracranial volume (ICV)", result["icv"]))
    return found


def flag_list(result: dict) -> str:
    """Agreement of the networks and every flag, worst first."""
    quality = result["quality"]
    lines = [f"<li>{_agreement(quality)}</li>"]
    lines += [_flag_item(flag) for flag in sorted(quality["flags"], key=_weight_order)]
    if not quality["flags"]:
        lines.append(
            f"<li><b class='good'>{texts.SYMBOLS['good']}</b> No quality flag. Look at the outline "
            "all the same.</li>"
        )
    return f"<ul class='flags'>{''.join(lines)}</ul>"


def _agreement(quality: dict) -> str:
    parts = []
    if quality["fold_dice"]:
        low, high = min(quality["fold_dice"]), max(quality["fold_dice"])
        parts.append(f"hypothalamus {low:.2f}–{high:.2f}")
    if quality["icv_fold_dice"]:
        low, high = min(quality["icv_fold_dice"]), max(quality["icv_fold_dice"])
        parts.append(f"ICV {low:.3f}–{high:.3f}")
    return f"Agreement of the networks (Dice): {', '.join(parts) or 'a single network'}."


def _flag_item(flag: dict) -> str:
    return f"<li>{_flag_words(flag)}</li>"


def _flag_line(flag: dict) -> str:
    return f"<span class='note-line'>{_flag_words(flag)}</span>"


def _flag_words(flag: dict) -> str:
    weight = weight_of(flag["code"])
    return (
        f"<b class='{weight}' title='{texts.WEIGHT_NAMES[weight]}'>{texts.SYMBOLS[weight]}</b> "
        f"{escaped(flag['message'])} <span class='quiet'>({escaped(flag['code'])})</span>"
    )


def _weight_order(flag: dict) -> int:
    return WEIGHTS.index(weight_of(flag["code"]))


def downloads(entry: Entry) -> str:
    """Links to the files of one scan."""
    links = "".join(
        f"<li><a download href='{file_address(entry, name)}'>{escaped(name)}</a></li>"
        for name in entry.files
    )
    return f"<h3>Files of {escaped(entry.result['name'])}</h3><ul class='files'>{links}</ul>"


def download_everything(entries: list[Entry]) -> str:
    """The link to all files of all scans."""
    count = sum(entry.result is not None for entry in entries)
    if not count:
        return ""
    scans = "this scan" if count == 1 else f"all {count} scans"
    return (
        "<a class='everything' download href='results/everything.zip'>"
        f"Download everything of {scans} (zip)</a>"
    )


def file_address(entry: Entry, name: str) -> str:
    """Relative to the page, so that it holds behind a proxy too."""
    return f"results/{entry.identifier}/{quote(name)}"


def _table(caption: str, head: tuple[str, ...], units: tuple[str, ...], rows: str) -> str:
    cells = "".join(
        f"<th scope='col'>{name}<span class='unit'>{unit}</span></th>"
        for name, unit in zip(head, units, strict=True)
    )
    return (
        f"<div class='table' tabindex='0' role='region' aria-label='{caption}'><table>"
        f"<caption>{caption}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(name: str, cells: tuple[str, ...]) -> str:
    return f"<tr><th scope='row'>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _number(value: float | None, digits: int) -> str:
    # Thousands apart by a narrow space that no line breaks at.
    return MISSING if value is None else f"{value:,.{digits}f}".replace(",", "\u202f")


def _percent(fraction: float | None) -> str:
    return MISSING if fraction is None else f"{100 * fraction:.4f}"


def _millilitres(volume_mm3: float | None) -> str:
    return MISSING if volume_mm3 is None else _number(volume_mm3 / MM3_PER_ML, 0)
