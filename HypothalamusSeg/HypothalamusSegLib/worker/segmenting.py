"""The request ``segment``: one scan, as the command line would segment it.

Examples
--------
>>> check_fields({"input": "head.nii.gz", "output": "out"})["output"]
'out'
>>> check_fields({"input": "head.nii.gz"})
Traceback (most recent call last):
HypothalamusSegLib.worker.requests.WrongRequestError: missing in the request: output
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..batch import Batch, describe_failure, failure_sentence
from ..loaded_networks import LoadedNetworks
from ..machine.memory import give_memory_back
from ..progress import STAGE_WEIGHTS, Steps
from .requests import check_types, read_options
from .service import Finish, Report

FIELDS = {"input": str, "output": str, "options": dict, "overview": bool, "report": bool}
REQUIRED = {"input", "output"}


class SegmentHandler:
    """Segments scans; the networks stay loaded while requests need the same.

    A request has ``input`` and ``output`` (paths, as INPUT and ``--output`` of the command line),
    and may have ``options`` (an object with any fields of `Options`), ``overview`` (true) and
    ``report`` (false). The result is an event with ``input``, ``files`` and ``result``.
    """

    def __init__(self, networks: LoadedNetworks | None = None) -> None:
        self._networks = networks or LoadedNetworks()

    def __call__(self, fields: dict, report: Report) -> Finish:
        """Segment a scan.

        Raises
        ------
        WrongRequestError
        HypothalamusSegError
            Nothing was written then.
        """
        checked = check_fields(fields)
        options = read_options(checked)
        batch = Batch(
            Path(checked["output"]),
            options,
            checked.get("overview", True),
            checked.get("report", False),
            self._networks,
        )
        steps = Steps(report, STAGE_WEIGHTS, 0, 1)
        record, files, dicom_failure = batch.segment(Path(checked["input"]), steps)
        event = {"event": "result", "input": checked["input"], "files": [*map(str, files)]}
        event["dicom_failure"] = describe_failure(dicom_failure)
        report({**event, "result": record.description})
        failure = record.segmentation.provenance["device_failure"]
        if failure:
            print(f"{checked['input']}: {failure_sentence(failure)}", file=sys.stderr)
        del record, batch
        give_memory_back()
        # A process whose accelerator failed once cannot be trusted to find it working again.
        return Finish(is_fit=failure is None)


def check_fields(fields: dict) -> dict:
    """Check names and types of a request's fields; raises `WrongRequestError`."""
    return check_types(fields, FIELDS, REQUIRED)
