"""The table of measured against label volumes: which scans a row counts."""

from __future__ import annotations

from Training.change_report import volumes_section


def scan(subject: str, stability: float | None, error_percent: float) -> dict:
    label = 700.0 + 10 * int(subject)
    found = label * (1 + error_percent / 100)
    return {
        "subject": subject,
        "stability": stability,
        "volume_mm3": found,
        "label_volume_mm3": label,
    }


def rows_of(scans: list[dict]) -> dict[str, list[str]]:
    scanner = {row["subject"]: "one scanner" for row in scans}
    text = volumes_section(
        {"test_hypothalamus": scans, "validation_hypothalamus": [], "scanner": scanner}
    )
    cells = [
        [c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line
    ]
    return {row[0].partition(": ")[2]: row[1:] for row in cells}


def test_scans_are_also_told_apart_by_how_well_the_teacher_agrees_with_itself():
    steady = [scan(str(n), 0.93 + n / 1000, (-1) ** n) for n in range(4)]
    shaky = [scan(str(n), 0.92, 10 * (-1) ** n) for n in range(4, 8)]
    unstable = [scan("9", 0.85, 80.0)]
    rows = rows_of([*steady, *shaky, *unstable])
    assert rows["all"][0] == "8"
    assert rows["teacher's view Dice from 0.93"][0] == "4"
    assert rows["teacher's view Dice from 0.93"][-1] == "1.2"
    assert rows["teacher's view Dice below 0.93"][-1] == "11.5"


def test_labels_of_unknown_stability_are_in_neither_group():
    rows = rows_of([scan(str(n), None, float(n)) for n in range(5)])
    assert rows["all"][0] == "5"
    assert not [name for name in rows if "teacher" in name]
