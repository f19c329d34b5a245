"""The terminology and the colour table, as Slicer's own logic and storage read them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from HypothalamusSegLib import labels
from HypothalamusSegLib.colours import ICV_COLOUR, LEFT_COLOUR, RIGHT_COLOUR, red_green_blue
from HypothalamusSegSlicer.scene import structures

from Testing.support.command_runs import REPOSITORY

RESOURCES = REPOSITORY / "HypothalamusSeg" / "Resources"
TERMINOLOGY = RESOURCES / "Terminologies" / "HypothalamusSeg.term.json"
COLOUR_TABLE = RESOURCES / "Colors" / "HypothalamusSeg.ctbl"
CONTEXT = "HypothalamusSeg"
ANATOMICAL_STRUCTURE = ("SCT", "123037004")
HYPOTHALAMUS, CRANIAL_CAVITY = ("SCT", "67923007"), ("SCT", "1101003")
RIGHT, LEFT, NEITHER = ("SCT", "24028007"), ("SCT", "7771000"), ("", "")
# The engine's names of structures, as in its table, and the codes of each.
CODES = {
    "hypothalamus_total": (HYPOTHALAMUS, NEITHER),
    "hypothalamus_left": (HYPOTHALAMUS, LEFT),
    "hypothalamus_right": (HYPOTHALAMUS, RIGHT),
    "icv": (CRANIAL_CAVITY, NEITHER),
    **{
        labels.subunit_structure(label): (("99HYPOSEG", str(label)), NEITHER)
        for label in labels.SUBUNIT_LABELS
    },
}
# How protanopes and deuteranopes see linear RGB (Machado, Oliveira and Fernandes 2009).
COLOUR_VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


@pytest.fixture(scope="module")
def slicer():
    pytest.importorskip("slicer_core")
    return pytest.importorskip("slicer")


@pytest.fixture(scope="module")
def terminologies(slicer):
    """Slicer's logic with this one context loaded."""
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert logic.LoadTerminologyFromFile(str(TERMINOLOGY)) == CONTEXT
    return logic


@pytest.fixture(scope="module")
def colours(slicer):
    """The colour table's node, read by its storage node."""
    scene = slicer.vtkMRMLScene()
    node = scene.AddNode(slicer.vtkMRMLColorTableNode())
    storage = scene.AddNode(slicer.vtkMRMLColorTableStorageNode())
    storage.SetFileName(str(COLOUR_TABLE))
    assert storage.ReadData(node)
    yield node
    scene.Clear(1)


@pytest.fixture(scope="module")
def find_by_codes(slicer, terminologies):
    """A function that looks codes up, as Slicer does for a segment that it opens."""

    def find(kind: tuple[str, str], modifier: tuple[str, str]):
        codes = [f"{scheme}^{value}^" for scheme, value in (ANATOMICAL_STRUCTURE, kind, modifier)]
        entry = slicer.vtkSlicerTerminologyEntry()
        serialised = "~".join(["", *codes, "", "^^", "^^"])
        assert terminologies.DeserializeTerminologyEntry(serialised, entry)
        assert terminologies.UpdateEntryFromLoadedTerminologies(entry, [CONTEXT], [])
        assert entry.GetTerminologyContextName() == CONTEXT, (kind, modifier)
        return entry

    return find


def coded(entry) -> tuple[str, str]:
    return entry.GetCodingSchemeDesignator() or "", entry.GetCodeValue() or ""


def recommended_colour(entry) -> tuple[int, ...]:
    """The modifier's colour where there is one, as Slicer takes it."""
    modifier = entry.GetTypeModifierObject()
    owner = modifier if modifier.GetCodeValue() else entry.GetTypeObject()
    return tuple(owner.GetRecommendedDisplayRGBValue())


def lab(colours, vision: str) -> np.ndarray:
    """CIELAB coordinates (n, 3) of sRGB bytes (n, 3) under one kind of colour vision."""
    shares = np.asarray(colours) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(COLOUR_VISION[vision]), 0, 1)
    to_xyz = np.array([[0.412, 0.358, 0.180], [0.213, 0.715, 0.072], [0.019, 0.119, 0.950]])
    x, y, z = np.cbrt(seen @ to_xyz.T / to_xyz.sum(1)).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize(("structure", "codes"), CODES.items())
def test_each_structure_is_found_by_its_codes(find_by_codes, structure, codes):
    entry = find_by_codes(*codes)
    assert entry.GetTypeObject().GetCodeMeaning()
    slicer_label = entry.GetTypeModifierObject().GetSlicerLabel()
    assert (slicer_label or entry.GetTypeObject().GetSlicerLabel()) == structure


@pytest.mark.parametrize(("structure", "codes"), CODES.items())
def test_each_structure_is_found_by_its_name(slicer, terminologies, structure, codes):
    entry = slicer.vtkSlicerTerminologyEntry()
    assert terminologies.FindTypeInTerminologyBy3dSlicerLabel(CONTEXT, structure, entry)
    assert coded(entry.GetCategoryObject()) == ANATOMICAL_STRUCTURE
    kind, modifier = codes
    assert coded(entry.GetTypeObject()) == kind
    assert coded(entry.GetTypeModifierObject()) == modifier


def test_there_is_nothing_else_in_the_terminology(slicer, terminologies):
    assert terminologies.GetNumberOfCategoriesInTerminology(CONTEXT) == 1
    category = slicer.vtkSlicerTerminologyCategory()
    assert terminologies.GetNthCategoryInTerminology(CONTEXT, 0, category)
    types = terminologies.GetNumberOfTypesInTerminologyCategory(CONTEXT, category)
    assert types == len({kind for kind, _ in CODES.values()})


def test_codes_fit_into_dicom():
    """Value representations SH (code value, designator: 16 characters) and LO (meaning: 64)."""

    def check(entry: dict) -> None:
        assert len(entry["CodingSchemeDesignator"]) <= 16
        assert len(entry["CodeValue"]) <= 16
        assert len(entry["CodeMeaning"]) <= 64
        for key in ("Type", "Modifier"):
            for part in entry.get(key, []):
                check(part)

    described = json.loads(TERMINOLOGY.read_text(encoding="utf-8"))
    for category in described["SegmentationCodes"]["Category"]:
        check(category)


def test_the_table_of_the_private_scheme_is_complete():
    readme = (TERMINOLOGY.parent / "README.md").read_text(encoding="utf-8")
    for left, name in enumerate(labels.SUBUNIT_NAMES, labels.FIRST_SUBUNIT_LABEL):
        assert f"| {name} | {left} | {left + labels.SUBUNITS_PER_SIDE} |" in readme


def test_what_the_module_writes_into_segments_is_in_the_terminology(
    slicer, terminologies, find_by_codes
):
    for plan in (segment for node in structures.NODE_PLANS for segment in node.segments):
        written = slicer.vtkSlicerTerminologyEntry()
        assert terminologies.DeserializeTerminologyEntry(plan.terminology, written), plan
        assert written.GetTerminologyContextName() == CONTEXT
        kind, modifier = CODES[plan.identifier]
        assert coded(written.GetCategoryObject()) == ANATOMICAL_STRUCTURE, plan.identifier
        assert coded(written.GetTypeObject()) == kind, plan.identifier
        assert coded(written.GetTypeModifierObject()) == modifier, plan.identifier
        entry = find_by_codes(kind, modifier)
        shown = tuple(round(255 * share) for share in plan.colour)
        assert shown == recommended_colour(entry), plan.identifier


def test_the_sides_and_the_icv_have_the_colours_of_the_overview_picture(find_by_codes):
    wanted = {
        "hypothalamus_left": LEFT_COLOUR,
        "hypothalamus_right": RIGHT_COLOUR,
        "icv": ICV_COLOUR,
    }
    for structure, colour in wanted.items():
        entry = find_by_codes(*CODES[structure])
        assert recommended_colour(entry) == red_green_blue(colour), structure


def test_the_colour_table_has_the_labels_of_the_files_and_the_terminologys_colours(
    find_by_codes, colours
):
    table = {labels.LEFT: "hypothalamus_left", labels.RIGHT: "hypothalamus_right"}
    table |= {label: labels.subunit_structure(label) for label in labels.SUBUNIT_LABELS}
    defined = [i for i in range(1, colours.GetNumberOfColors()) if colours.GetColorDefined(i)]
    assert defined == list(table)
    for label, structure in table.items():
        assert colours.GetColorName(label).replace(" ", "_") == structure
        rgba = [0.0] * 4
        assert colours.GetColor(label, rgba)
        entry = find_by_codes(*CODES[structure])
        assert tuple(round(255 * share) for share in rgba[:3]) == recommended_colour(entry)
        assert rgba[3] == 1


def test_the_colour_tables_background_is_transparent(colours):
    rgba = [1.0] * 4
    assert colours.GetColor(0, rgba)
    assert rgba[3] == 0


@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_subunits_can_be_told_apart_and_left_is_cool_right_warm(find_by_codes, vision):
    subunits = [
        recommended_colour(find_by_codes(*CODES[labels.subunit_structure(label)]))
        for label in labels.SUBUNIT_LABELS
    ]
    seen = lab(subunits, vision)
    distances = np.linalg.norm(seen[:, None] - seen, axis=2)[np.triu_indices(len(seen), 1)]
    # A difference of about 2.3 is just noticeable side by side.
    assert distances.min() > 20
    blue_yellow = seen[:, 2]
    half = labels.SUBUNITS_PER_SIDE
    assert (blue_yellow[:half] < 0).all()
    assert (blue_yellow[half:] > 0).all()
