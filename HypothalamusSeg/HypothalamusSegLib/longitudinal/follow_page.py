"""The page of a follow-up: flicker picture with its keys, changes, doubts and methods.

One file that needs nothing else, so that it can be kept with the results.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from ..colours import LEFT_COLOUR, RIGHT_COLOUR
from ..results.number_format import MISSING, format_ml, format_number
from .change import REAL
from .flicker_pictures import draw_frames
from .follow import ICV, FollowUp

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1190px; margin: 1.2em auto;
  padding: 0 1em; background: #fff; color: #1b1f24; }
h1 { font-size: 1.35em; margin: 0 0 .5em; } h2 { font-size: 1.1em; margin: 1.4em 0 .4em; }
figure { margin: 0; background: #101418; color: #f2f2f2; padding: .5em; border-radius: 6px; }
figure img { width: 100%; display: block; } figure img[hidden] { display: none; }
figcaption { padding: .3em .2em; }
.now { font-weight: 600; } kbd { border: 1px solid #8a939c; border-radius: 4px; padding: 0 .35em; }
button { font: inherit; margin-right: .4em; padding: .15em .8em; }
table { border-collapse: collapse; } th, td { padding: .25em .7em; text-align: right;
  border-bottom: 1px solid #d5dae0; } th:first-child, td:first-child, .words { text-align: left; }
.real { font-weight: 600; } .severe { color: #b3263a; } .doubt { color: #8a4f00; }
.left { color: LEFT; } .right { color: RIGHT; }
@media (prefers-color-scheme: dark) {
  body { background: #14181c; color: #e6e9ec; } th, td { border-color: #3a424a; }
  .severe { color: #ff8a97; } .doubt { color: #f2b45c; } }
""".replace("LEFT", LEFT_COLOUR).replace("RIGHT", RIGHT_COLOUR)

SCRIPT = """
const frames = [...document.querySelectorAll("figure img")];
const names = frames.map(f => f.alt), now = document.querySelector(".now");
const count = frames.length / 2;
let visit = 0, outlined = true, timer = null;
function show() {
  frames.forEach((f, i) => f.hidden = i !== 2 * visit + (outlined ? 0 : 1));
  now.textContent = names[2 * visit];
}
function step(by) { visit = (visit + by + count) % count; show(); }
function flicker(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => step(1), 800) : null;
  document.querySelector("#flicker").setAttribute("aria-pressed", String(on));
  document.querySelector("#flicker").textContent = on ? "Stop" : "Flicker";
}
function outline() { outlined = !outlined; show(); }
const actions = { " ": () => flicker(!timer), ArrowRight: () => { flicker(false); step(1); },
  ArrowLeft: () => { flicker(false); step(-1); }, o: outline };
addEventListener("keydown", e => {
  const act = actions[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (act && !e.ctrlKey && !e.metaKey && !e.altKey) { e.preventDefault(); act(); }
});
document.querySelector("#flicker").onclick = e => { flicker(!timer); e.target.blur(); };
document.querySelector("#next").onclick = e => { actions.ArrowRight(); e.target.blur(); };
document.querySelector("#outlines").onclick = e => { outline(); e.target.blur(); };
show();
"""

METHOD = (
    "Each scan was segmented on its own, and all scans were registered rigidly to their midspace, "
    "so that none serves as the reference. The five networks then saw the hypothalamus of every "
    "scan in one canonical frame: with the same position, orientation and voxel grid. A change is "
    "real if it exceeds 1.96 "
    "standard deviations of the error that was measured on simulated visits with known changes "
    "(Docs/VALIDATION.md). Two real visits differ by more than simulated ones. Not a "
    "medical device."
)
ICV_NOTE = (
    "The intracranial volume does not change in an adult. A difference shows an error of the "
    "measurement or of a scanner's scale. The values come from the single runs."
)


def write_page(followed: FollowUp, description: dict, path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    followed : FollowUp
    description : dict
        From `files.describe`, so that page and JSON cannot disagree.
    path : Path
    """
    title = f"{escape(description['name'])}: {len(followed.visits)} visits"
    body = [
        f"<h1>{title}</h1>",
        _flicker(followed, description),
        "<h2>Changes</h2>",
        _changes(description),
        *(f"<p>{line}</p>" for line in _trend_lines(description)),
        f"<p>{ICV_NOTE}</p>" if any(ICV in v["changes"] for v in description["visits"]) else "",
        *_doubts(description),
        "<h2>Visits</h2>",
        _visits(description),
        f"<h2>Method</h2><p>{METHOD}</p>",
        f"<p>Protocol: {escape(description['protocol']['name'])}. HypothalamusSeg "
        f"{escape(description['version'])}</p>",
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}<script>{SCRIPT}</script></body></html>"
    )
    path.write_text(page, encoding="utf-8")


def _flicker(followed: FollowUp, description: dict) -> str:
    images = []
    for visit, frame in zip(description["visits"], draw_frames(followed), strict=True):
        words = escape(f"Visit {visit['visit']}: {visit['scan']}, {visit['date'] or 'no date'}")
        images += [f'<img src="{source}" alt="{words}" hidden>' for source in frame]
    return (
        f'<figure>{"".join(images)}<figcaption><span class="now"></span> · '
        '<span class="left">left</span> and <span class="right">right</span> hypothalamus · '
        "radiological convention, slices of the midspace</figcaption></figure>"
        '<p><button id="flicker" aria-pressed="false">Flicker</button>'
        '<button id="next">Next visit</button><button id="outlines">Outlines</button> '
        "<kbd>Space</kbd> flicker, <kbd>←</kbd> <kbd>→</kbd> visits, <kbd>O</kbd> outlines</p>"
    )


def _changes(description: dict) -> str:
    head = (
        "<tr><th>Structure</th><th>Visit</th><th>First</th><th>Then</th><th>Change</th>"
        '<th>%</th><th>% a year</th><th>Real from</th><th class="words">Verdict</th>'
        "<th>Two single runs, %</th></tr>"
    )
    rows, first = [], description["visits"][0]
    for visit in description["visits"][1:]:
        for structure, change in visit["changes"].items():
            rows.append(_change_row(structure, first, visit, change))
    return f"<table>{head}{''.join(rows)}</table>"


def _change_row(structure: str, first: dict, visit: dict, change: dict) -> str:
    part = "single_run_volumes_mm3" if structure == ICV else "volumes_mm3"
    unit, in_unit = ("mL", format_ml) if structure == ICV else ("mm³", format_number)
    least = change["smallest_real_change_percent"]
    cells = [
        f"{in_unit(first[part][structure])} {unit}",
        f"{in_unit(visit[part][structure])} {unit}",
        f"{_format_signed(change['change_mm3'], 1)} mm³",
        _format_signed(change["change_percent"], 2),
        _format_signed(change["change_percent_a_year"], 2),
        MISSING if least is None else f"{least:.2f} %",
    ]
    is_real = ' class="words real"' if change["verdict"] == REAL else ' class="words"'
    alone = _format_signed(visit["single_run_changes_percent"].get(structure), 2)
    return (
        f"<tr><td>{escape(_name(structure))}</td><td>{visit['visit']}</td>"
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}"
        f"<td{is_real}>{change['verdict']}</td><td>{alone}</td></tr>"
    )


def _trend_lines(description: dict) -> list[str]:
    return [
        f"Over all visits: {_name(structure)} {_format_signed(value, 2)} % a year."
        for structure, value in description["trend_percent_a_year"].items()
        if value is not None
    ]


def _doubts(description: dict) -> list[str]:
    lines = [
        f'<li class="{"severe" if flag["is_severe"] else "doubt"}"><strong>{flag["title"]}.'
        f"</strong> {escape(flag['message'])}</li>"
        for flag in description["flags"]
    ]
    for visit in description["visits"]:
        lines += [
            f"<li>Visit {visit['visit']}: {escape(flag['message'])}</li>"
            for flag in visit["quality_flags"]
        ]
    lines += [
        f'<li class="severe">{escape(name)} could not be used.</li>'
        for name in description["failed"]
    ]
    return ["<h2>Doubts</h2><ul>", *lines, "</ul>"] if lines else []


def _visits(description: dict) -> str:
    head = (
        '<tr><th>Visit</th><th class="words">Scan</th><th class="words">Date</th>'
        "<th>Match with the others</th></tr>"
    )
    rows = [
        f'<tr><td>{v["visit"]}</td><td class="words">{escape(v["scan"])}</td>'
        f'<td class="words">{v["date"] or MISSING}</td><td>{v["similarity"]:.4f}</td></tr>'
        for v in description["visits"]
    ]
    return f"<table>{head}{''.join(rows)}</table>"


def _format_signed(value: float | None, decimals: int) -> str:
    if value is None:
        return MISSING
    return f"{value:+.{decimals}f}".replace("-", "−")


def _name(structure: str) -> str:
    """Name a structure in words.

    Examples
    --------
    >>> _name("hypothalamus_left"), _name("icv"), _name("left_posterior")
    ('Left hypothalamus', 'Intracranial volume', 'Left posterior')
    """
    names = {
        "hypothalamus_left": "Left hypothalamus",
        "hypothalamus_right": "Right hypothalamus",
        "hypothalamus_total": "Hypothalamus",
        ICV: "Intracranial volume",
    }
    return names.get(structure, structure.replace("_", " ").capitalize())
