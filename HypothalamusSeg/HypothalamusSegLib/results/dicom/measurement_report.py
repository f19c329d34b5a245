"""The measurement report (SR, TID 1500): volumes, ratios, intervals, flags and the review.

Template identifiers are those of DICOM PS3.16. Numbers that a severe flag covers are left out: a
receiver of the report could not strike them through.

Examples
--------
>>> report = make_report(contents, source, segmentation, series)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...units import MM3_PER_ML
from .contents import MANUFACTURER, PRODUCT, DicomContents, MeasuredStructure
from .highdicom_package import import_highdicom
from .named_uid import named_uid
from .new_series import NewSeries, private_scheme
from .source_series import SourceSeries
from .structure_codes import (
    ANATOMICAL_STRUCTURE,
    ASYMMETRY,
    ICV_ADJUSTED,
    INTERVAL,
    PERCENT_OF_ICV,
    POSTERIOR_SUM,
    PRIVATE_SCHEME,
    PROTOCOL,
    RESEARCH_ONLY,
    REVIEW,
    VOLUME,
    VOXEL_SUM,
    WITHHELD,
    Triple,
    structure_code,
)

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from highdicom.sr import ContentItem, EnhancedSR, Measurement, MeasurementReport

MRI_OF_BRAIN: Triple = ("24590-2", "LN", "MR Brain")
QUALITATIVE_EVALUATIONS: Triple = ("C0034375", "UMLS", "Qualitative Evaluations")
UPPER_UNCERTAINTY: Triple = ("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY: Triple = ("371885007", "SCT", "-, range of lower measurement uncertainty")
MM3: Triple = ("mm3", "UCUM", "cubic millimeter")
ML: Triple = ("mL", "UCUM", "milliliter")
PERCENT: Triple = ("%", "UCUM", "Percent")
RATIO: Triple = ("1", "UCUM", "no units")
VOLUME_DIGITS, RATIO_DIGITS = 3, 6
PURPOSE = "Research software, not a medical device. Do not use it for clinical decisions."


def make_report(
    contents: DicomContents, source: SourceSeries, segmentation: Segmentation, series: NewSeries
) -> EnhancedSR:
    """Make the report; it refers to the segments and to the source images."""
    report = _measurement_report(contents, segmentation)
    _add_remarks(report, contents)
    return import_highdicom().sr.EnhancedSR(
        evidence=[*source.headers, segmentation],
        content=report,
        **series.attributes(contents),
        is_complete=True,
        coding_schemes=[private_scheme()],
    )


def _measurement_report(contents: DicomContents, segmentation: Segmentation) -> MeasurementReport:
    sr = import_highdicom().sr
    return sr.MeasurementReport(
        observation_context=_observers(contents),
        procedure_reported=_code_item(MRI_OF_BRAIN),
        imaging_measurements=list(_groups(contents, segmentation)),
    )


def _observers(contents: DicomContents):
    """The software as a device, and the person who reviewed, if one did and gave a name."""
    from pydicom.sr.codedict import codes

    sr = import_highdicom().sr
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=named_uid(PRODUCT, contents.version, contents.weights_name),
        name=PRODUCT,
        manufacturer_name=MANUFACTURER,
        model_name=f"{PRODUCT} {contents.version}",
        serial_number=contents.weights_name,
    )
    person = None
    if contents.review and contents.review.reviewer:
        person = sr.ObserverContext(
            codes.DCM.Person,
            sr.PersonObserverIdentifyingAttributes(name=contents.review.reviewer),
        )
    return sr.ObservationContext(
        observer_person_context=person,
        observer_device_context=sr.ObserverContext(codes.DCM.Device, device),
    )


def _groups(contents: DicomContents, segmentation: Segmentation) -> Iterator:
    """One group for each measured structure: TID 1411 with a segment, else TID 1501."""
    sr = import_highdicom().sr
    segments = {segment.TrackingID: segment for segment in segmentation.SegmentSequence}
    parameters = [f"{name}={value}" for name, value in contents.parameters.items()]
    for measured in contents.measured:
        code, segment = structure_code(measured.structure), segments.get(measured.structure)
        laterality = None if code.laterality is None else _code_item(code.laterality)
        shared = {
            "finding_type": _code_item(code.kind),
            "finding_category": _code_item(ANATOMICAL_STRUCTURE),
            "finding_sites": [sr.FindingSite(_code_item(code.site), laterality)],
            "algorithm_id": sr.AlgorithmIdentification(PRODUCT, contents.version, parameters),
            "method": _code_item(VOXEL_SUM if measured.is_edited else POSTERIOR_SUM),
            "measurements": _measurements(measured, contents),
        }
        if segment is None:
            tracked = sr.TrackingIdentifier(import_highdicom().UID(), measured.structure)
            yield sr.MeasurementsAndQualitativeEvaluations(tracking_identifier=tracked, **shared)
            continue
        yield sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(segment.TrackingUID, measured.structure),
            referenced_segment=sr.ReferencedSegment.from_segmentation(
                segmentation, segment.SegmentNumber
            ),
            **shared,
        )


def _measurements(measured: MeasuredStructure, contents: DicomContents) -> list[Measurement]:
    is_icv = measured.structure == "icv"
    unit, divisor = (ML, MM3_PER_ML) if is_icv else (MM3, 1.0)
    found = []
    if measured.volume_mm3 is not None:
        found.append(_volume(measured, unit, divisor))
    if measured.fraction_of_icv is not None and not is_icv:
        percent = round(100 * measured.fraction_of_icv, RATIO_DIGITS)
        found.append(_number(PERCENT_OF_ICV, percent, PERCENT))
    if measured.icv_adjusted_mm3 is not None and not is_icv:
        adjusted = round(measured.icv_adjusted_mm3, VOLUME_DIGITS)
        found.append(_number(ICV_ADJUSTED, adjusted, MM3))
    if measured.structure == "hypothalamus_total" and contents.asymmetry_index is not None:
        found.append(_number(ASYMMETRY, round(contents.asymmetry_index, RATIO_DIGITS), RATIO))
    return found


def _number(name: Triple, value: float, unit: Triple, properties=None):
    return import_highdicom().sr.Measurement(
        name=_code_item(name),
        value=value,
        unit=_code_item(unit),
        properties=properties,
    )


def _volume(measured: MeasuredStructure, unit: Triple, divisor: float):
    """A volume, with its interval as the measurement uncertainty of TID 310."""
    sr = import_highdicom().sr
    value = measured.volume_mm3 / divisor
    properties = None
    if measured.low_mm3 is not None and measured.high_mm3 is not None:
        properties = sr.MeasurementProperties()
        for name, limit_mm3 in (
            (UPPER_UNCERTAINTY, measured.high_mm3),
            (LOWER_UNCERTAINTY, measured.low_mm3),
        ):
            # In the unit of the volume; highdicom itself would write it without a unit.
            item = sr.NumContentItem(
                name=_code_item(name),
                value=round(abs(limit_mm3 / divisor - value), VOLUME_DIGITS),
                unit=_code_item(unit),
                relationship_type="HAS PROPERTIES",
            )
            properties.append(item)
    return _number(VOLUME, round(value, VOLUME_DIGITS), unit, properties)


def _add_remarks(report: MeasurementReport, contents: DicomContents) -> None:
    """Add purpose, flags, review and notes as text, where TID 1500 has its evaluations."""
    sr = import_highdicom().sr
    container = sr.ContainerContentItem(
        name=_code_item(QUALITATIVE_EVALUATIONS), relationship_type="CONTAINS"
    )
    container.ContentSequence = sr.ContentSequence(
        [_text(name, words) for name, words in _remarks(contents)]
    )
    report[0].ContentSequence.append(container)


def _remarks(contents: DicomContents) -> Iterator[tuple[Triple, str]]:
    yield RESEARCH_ONLY, PURPOSE
    yield PROTOCOL, contents.protocol
    for code, title, message in contents.flags:
        yield (code, PRIVATE_SCHEME, title), message
    if contents.withheld:
        yield WITHHELD, contents.withheld
    if any(measured.low_mm3 is not None for measured in contents.measured):
        yield (
            INTERVAL,
            f"Upper and lower uncertainty are the limits of an interval that contains the "
            f"label's volume in {100 * contents.coverage:.0f} % of new scans.",
        )
    if any(measured.icv_adjusted_mm3 is not None for measured in contents.measured):
        yield ICV_ADJUSTED, f"The reference ICV is {contents.reference_icv_ml:.0f} mL."
    if contents.review:
        yield REVIEW, contents.review.words


def _text(name: Triple, words: str) -> ContentItem:
    return import_highdicom().sr.TextContentItem(
        name=_code_item(name), value=words, relationship_type="CONTAINS"
    )


def _code_item(triple: Triple):
    return import_highdicom().sr.CodedConcept(*triple)
