"""Segment several files in one run. Networks load once; a bad file does not stop the rest."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import (
    CancelledError,
    DicomSourceError,
    DuplicateNameError,
    HypothalamusSegError,
    NotDicomInputError,
)
from .loaded_networks import LoadedNetworks
from .machine.memory import give_memory_back, name_lack_of_memory
from .measures.intervals import COVERAGE
from .options import Options
from .pipeline import Segmenter
from .progress import STAGE_WEIGHTS, Reporter, Steps, reporter
from .reading import Scan, read_scan
from .results.dicom.highdicom_package import import_highdicom
from .results.dicom.source_series import SourceSeries, read_source_series
from .results.files import write_all
from .results.record import ResultRecord

ALL_DONE, SOME_FAILED = 0, 1


class BatchResult(NamedTuple):
    """What came of one scan.

    ``dicom_failure`` says why DICOM objects that were asked for are not among the files.
    """

    record: ResultRecord
    files: list[Path]
    dicom_failure: HypothalamusSegError | None


class Batch:
    """The state of a run over several files.

    Parameters
    ----------
    output : Path
        Folder for all output files.
    options : Options
    with_overview, with_report : bool
    networks : LoadedNetworks or None
        Kept loaded by the caller for later runs; None: for this run alone.
    """

    def __init__(
        self,
        output: Path,
        options: Options,
        with_overview: bool = True,
        with_report: bool = False,
        networks: LoadedNetworks | None = None,
    ) -> None:
        self.output = output
        self.options = options
        self.with_overview, self.with_report = with_overview, with_report
        self._networks = networks or LoadedNetworks()
        self._segmenter: Segmenter | None = None
        self._written: dict[str, Path] = {}

    def segment(self, path: Path, steps: Steps) -> BatchResult:
        """Read, segment and write one file.

        If DICOM objects were asked for and cannot be written, all else is, and the result says why.

        Raises
        ------
        HypothalamusSegError
            With the reason. In this case nothing was written for this file.
        """
        if self.options.dicom:
            import_highdicom()  # or the user would be told after the work
        give_memory_back()
        with name_lack_of_memory(path):
            steps.at("read")
            scan = read_scan(path)
            if scan.name in self._written:
                raise DuplicateNameError(
                    f"{path} would overwrite the results of {self._written[scan.name]}, which "
                    "has the same name. Choose another --output."
                )
            if self._segmenter is None:
                steps.at("read", 0.5, "networks")
                self._segmenter = self._networks.segmenter(self.options)
            record = ResultRecord.of(self._segmenter.segment(scan, steps))
            steps.at("write")
            source, unusable = self._dicom_source(scan)
            files, failure = write_all(
                record, self.output, self.with_overview, self.with_report, source
            )
        self._written[scan.name] = path
        return BatchResult(record, files, unusable or failure)

    def _dicom_source(
        self, scan: Scan
    ) -> tuple[SourceSeries | None, NotDicomInputError | DicomSourceError | None]:
        """Find what DICOM objects would refer to, or why there is nothing."""
        if not self.options.dicom:
            return None, None
        if not scan.slice_files:
            error = NotDicomInputError(
                "{path} is not DICOM, so there are no DICOM objects for it. All other files were "
                "written. Give the folder with its DICOM series, or leave out --dicom.",
                path=scan.path,
            )
            return None, error
        try:
            return read_source_series(scan.slice_files, scan.volume.grid), None
        except DicomSourceError as error:
            return None, error


def segment_files(
    inputs: Sequence[Path],
    output: Path,
    options: Options,
    progress: str,
    with_overview: bool = True,
    with_report: bool = False,
) -> int:
    """Segment files one after the other.

    Failures are reported on stderr with their reason; the other files are finished and kept.

    Returns
    -------
    int
        0 if all are done, 1 if at least one failed.
    """
    report = reporter(progress)
    batch = Batch(output, options, with_overview, with_report)
    done = [
        _segment_one(
            batch, path, Steps(report, STAGE_WEIGHTS, index, len(inputs)), report, progress
        )
        for index, path in enumerate(inputs)
    ]
    return ALL_DONE if all(done) else SOME_FAILED


def _segment_one(batch: Batch, path: Path, steps: Steps, report: Reporter, progress: str) -> bool:
    """Segment one file and report on it; True if it succeeded. Frees its memory on return."""
    event: dict = {"input": str(path)}
    try:
        record, files, dicom_failure = batch.segment(path, steps)
    except CancelledError:
        raise
    except HypothalamusSegError as error:
        report({"event": "error", **event, "code": error.code, "message": str(error)})
        print(f"{path}: {error}", file=sys.stderr)
        return False
    failure = record.segmentation.provenance["device_failure"]
    if failure:
        print(f"{path}: {failure_sentence(failure)}", file=sys.stderr)
    event["files"] = [str(file) for file in files]
    event["dicom_failure"] = describe_failure(dicom_failure)
    report({"event": "result", **event, "result": record.description})
    if progress != "json":
        print("\n".join(table_lines(record)))
    if dicom_failure:
        print(f"{path}: {dicom_failure}", file=sys.stderr)
    return dicom_failure is None


def describe_failure(error: HypothalamusSegError | None) -> dict | None:
    """Describe why there are no DICOM objects, for an event; None if there are, or not asked for.

    Examples
    --------
    >>> describe_failure(NotDicomInputError("{path} is not DICOM.", path=Path("head.nii")))
    {'code': 'not_dicom_input', 'message': 'head.nii is not DICOM.'}
    """
    return None if error is None else {"code": error.code, "message": str(error)}


def failure_sentence(failure: dict) -> str:
    """Describe an accelerator failure from the provenance in words."""
    reason = "does not have enough memory" if failure["out_of_memory"] else "failed"
    return (
        f"The device {failure['device']} {reason}; the scan was computed on the CPU "
        f"instead. ({failure['error']})"
    )


def table_lines(record: ResultRecord) -> list[str]:
    """Format the volumes and flags of a result for a terminal."""
    lines = [
        f"\n{record.segmentation.scan.name}",
        f"{'structure':<26}{'volume mm³':>13}{'% of ICV':>11}{'at 1500 mL':>12}{'fold SD':>10}"
        f"{f'{100 * COVERAGE:.0f} % interval':>20}",
    ]
    for row in record.rows:
        percent, adjusted, spread, limits = "–", "–", "–", "–"
        if row["fraction_of_icv"] is not None and row["structure"] != "icv":
            percent = f"{100 * row['fraction_of_icv']:.4f}"
            adjusted = f"{row['icv_adjusted_mm3']:.1f}"
        if row["fold_sd_mm3"] is not None:
            spread = f"{row['fold_sd_mm3']:.1f}"
        if row["volume_low_mm3"] is not None:
            limits = f"{row['volume_low_mm3']:.1f}–{row['volume_high_mm3']:.1f}"
        lines.append(
            f"{row['structure']:<26}{row['volume_mm3']:>13.1f}{percent:>11}{adjusted:>12}"
            f"{spread:>10}{limits:>20}"
        )
    lines += [f"! {flag.code}: {flag.message}" for flag in record.segmentation.quality.flags]
    return lines
