"""What is sent to a worker: small, picklable, for any executor."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from HypothalamusSegLib import __version__
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options

from .scan_list import CohortScan

# Options that change no number. The weights count by content, not by location.
INDECISIVE = ("device", "threads", "dicom", "weights")


@dataclass(frozen=True)
class Task:
    """One scan to segment.

    Attributes
    ----------
    scan : CohortScan
    output : Path
        Root of the derivatives.
    options : Options
    source_root : Path
        What ``Sources`` in the sidecars are relative to.
    known_sha256 : str or None
        Checksum of the input whose results stand already with the same options and weights: if the
        file still has it, nothing is to be done.
    with_overview, with_report : bool
    """

    scan: CohortScan
    output: Path
    options: Options
    source_root: Path
    known_sha256: str | None = None
    with_overview: bool = True
    with_report: bool = False


def fingerprint(options: Options, weights: Path | None = None) -> str:
    """Checksum of everything besides the scan that determines a result: version, options, weights.

    Device and threads are left out: they change the last digits at most, and a cohort that moves to
    another machine should not start over. DICOM objects contain nothing that the files do not.
    """
    weights_sha256 = weight_checksums(options, weights)
    decisive = {k: v for k, v in asdict(options).items() if k not in INDECISIVE}
    text = json.dumps([__version__, decisive, weights_sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def weight_checksums(options: Options, weights: Path | None = None) -> list[str]:
    """SHA-256 of all networks of the folds that are used, sorted."""
    ensembles = weight_files.read_manifest(weights or weight_files.weights_folder(options.weights))
    used = [
        fold.sha256
        for ensemble in ensembles.values()
        for fold in ensemble.folds
        if fold.fold in options.folds
    ]
    frames = [ensemble.frame.sha256 for ensemble in ensembles.values() if ensemble.frame]
    return sorted(used + frames)
