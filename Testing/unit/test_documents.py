"""The documents: their links work, and their tables of codes and columns are those of the code."""

import argparse
import json
import re
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from HypothalamusSegLib import arguments, flags
from HypothalamusSegLib.results.record import CSV_COLUMNS

from Testing.support.command_runs import REPOSITORY
from Training import model_card, report

DOCS = REPOSITORY / "Docs"
DOCUMENTS = sorted(
    path
    for folder in (".", "Docs", "weights", "HypothalamusSeg/Resources/Terminologies")
    for path in (REPOSITORY / folder).glob("*.md")
)
LINK = re.compile(r"\]\(([^()\s]+)\)")
ELSEWHERE = ("http://", "https://", "mailto:")
SLICERS_OWN_CODES = {"not_started", "crashed", "failed", "handover"}
# Where the classes of errors are; `unexpected` is the cohort's word for all others.
ERROR_SOURCES = ("HypothalamusSeg/HypothalamusSegLib", "Cohort", "Training", "Web")
ERROR_CODE = re.compile(r'^    code(?:: str)? = "(\w+)"$', re.MULTILINE)


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The headings as the hosting service links to them."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(path: Path) -> list[list[str]]:
    """The cells of all tables."""
    lines = [line for line in prose(path).splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in lines]
    return [[cell.strip() for cell in row] for row in cells]


def codes_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_every_relative_link_leads_to_a_file_and_a_heading(document):
    broken = []
    for target in LINK.findall(prose(document)):
        if target.startswith(ELSEWHERE):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def test_the_readme_leads_to_every_manual():
    linked = {target.partition("#")[0] for target in LINK.findall(prose(REPOSITORY / "README.md"))}
    assert {f"Docs/{path.name}" for path in DOCS.glob("*.md")} <= linked


def test_the_table_of_flags_has_every_code_once_with_its_severity():
    table = {codes_in(row[0])[0]: row[1] for row in rows(DOCS / "FLAGS.md") if codes_in(row[0])[:1]}
    assert table == {code: flags.severity_of(code) for code in flags.FLAG_CODES}


def test_every_error_code_has_its_remedy_and_no_other_is_listed():
    listed = [
        code for row in rows(DOCS / "TROUBLESHOOTING.md") for code in codes_in(row[0]) if row[2]
    ]
    known = {"unexpected", *SLICERS_OWN_CODES}
    for folder in ERROR_SOURCES:
        for source in (REPOSITORY / folder).rglob("*.py"):
            known.update(ERROR_CODE.findall(source.read_text(encoding="utf-8")))
    known.remove("error")  # of the base class, which is never raised
    assert sorted(listed) == sorted(known)


def test_the_tables_of_the_command_line_have_its_options_and_columns():
    cells = [codes_in(row[0]) for row in rows(DOCS / "COMMAND_LINE.md")]
    first = [cell[0].split()[0] for cell in cells if cell]
    parser = argparse.ArgumentParser()
    arguments.add_run_options(parser)
    options = {s for action in parser._actions for s in action.option_strings} - {"-h", "--help"}
    assert {code for code in first if code.startswith("--")} == options
    assert set(CSV_COLUMNS) <= {code for cell in cells for code in cell}


def test_the_faces_of_the_readme_are_commands():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"^hypothalamus-seg (\w+)", text, re.MULTILINE))
    assert used == {"demo", "segment", "serve", "cohort"}
    for module in ("Web.command_line", "Cohort.command_line"):
        assert callable(import_module(module).main)


def test_the_validation_page_is_what_its_generator_writes_from_the_stored_results(tmp_path):
    results = json.loads((DOCS / "validation" / "results.json").read_text(encoding="utf-8"))
    figures = tmp_path / "validation"
    figures.mkdir()
    # The logs of the training are not in the repository; their picture is. Scans without labels are
    # measured by other commands.
    shutil.copy(DOCS / "validation" / "learning_curves.png", figures)
    for path in (DOCS / "validation").glob("*.json"):
        shutil.copy(path, figures)
    report.write(results, tmp_path / "runs", tmp_path)
    written = (tmp_path / "VALIDATION.md").read_text(encoding="utf-8")
    assert written == (DOCS / "VALIDATION.md").read_text(encoding="utf-8")


def test_the_figures_of_the_model_card_are_those_of_the_stored_results():
    results = json.loads((DOCS / "validation" / "results.json").read_text(encoding="utf-8"))
    card = (REPOSITORY / "weights" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert model_card.update_figures(card, results) == card
    aged = card.replace("0.920", "0.930").replace("worst 2.9 %", "worst 2.8 %")
    assert aged.count("0.930") == 1
    assert model_card.update_figures(aged, results) == card
