"""Reading participants.tsv: what is wrong in it is named."""

from __future__ import annotations

import pytest

from Cohort.group.errors import ParticipantsFileError
from Cohort.group.participants_table import read_participants
from Testing.support.cohort_tables import found, table_in


def test_what_is_wrong_with_participants_is_listed(folder):
    path = table_in(
        folder,
        "participant_id\tage\tgroup\n01\t60\tals\nsub-02\tn/a\tals\nsub-03\t50\tcontrol\n"
        "sub-03\t50\tcontrol\nsub-04\t41\tals\nsub-04\t42\tals\nn/a\t1\tals\nsub-99\t5\tals\n",
    )
    participants = read_participants(path)
    assert participants.frame["participant_id"].tolist() == ["sub-01", "sub-02", "sub-03", "sub-99"]
    assert participants.frame["age"].isna().tolist() == [False, True, False, False]
    assert found(participants.findings, "The prefix sub- was added").items == ("01",)
    assert found(participants.findings, "Identical rows").items == ("sub-03",)
    assert found(participants.findings, "several different rows").items == ("sub-04",)
    assert found(participants.findings, "without a participant_id").items == ("row 8",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("participant_id,age\nsub-01,3\n", "commas"),
        ("subject\tage\nsub-01\t3\n", "no column participant_id"),
        ("participant_id\tage\tage\nsub-01\t3\t4\n", "two columns named age"),
        ("participant_id\tage\nsub-01\t3\nsub-02\n", "row 3 has 1 cells, the header has 2"),
    ],
)
def test_a_malformed_table_is_refused_with_its_name(folder, text, words):
    path = table_in(folder, text)
    with pytest.raises(ParticipantsFileError, match=words) as caught:
        read_participants(path)
    assert str(path) in str(caught.value)


def test_a_missing_or_unreadable_table_is_refused(folder):
    with pytest.raises(ParticipantsFileError, match="There is no"):
        read_participants(folder / "participants.tsv")
    (folder / "participants.tsv").write_bytes(b"participant_id\tname\nsub-01\t\xff\xfe\n")
    with pytest.raises(ParticipantsFileError, match="UTF-8"):
        read_participants(folder / "participants.tsv")


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(folder):
    path = folder / "participants.tsv"
    path.write_bytes("\ufeffparticipant_id\tgroup\r\nsub-01\tals\r\n".encode())
    assert read_participants(path).frame.to_dict("records") == [
        {"participant_id": "sub-01", "group": "als"}
    ]
