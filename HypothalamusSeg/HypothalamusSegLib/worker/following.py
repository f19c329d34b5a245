"""The request ``follow``: scans of one person, as the command line would compare them.

Examples
--------
>>> given, options = check_fields(fields)  # doctest: +SKIP
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ..loaded_networks import LoadedNetworks
from ..longitudinal.files import describe, write_all
from ..longitudinal.run import Given, follow_scans
from ..machine.memory import give_memory_back
from .requests import WrongRequestError, check_types, read_options
from .service import Finish, Report

FIELDS = {"inputs": list, "output": str, "name": str, "dates": list, "options": dict, "page": bool}
REQUIRED = {"inputs", "output", "name"}


class FollowHandler:
    """Compares scans of one person; the networks stay loaded.

    A request has ``inputs`` (a list of two or more paths), ``output`` and ``name``, and may have
    ``dates`` (a list of ``YYYY-MM-DD`` or null, one for each input), ``options`` and ``page``
    (true: write the page, which needs matplotlib). An event ``failed_visit`` names each scan that
    could not be used; the result has ``files`` and ``result``.
    """

    def __init__(self, networks: LoadedNetworks | None = None) -> None:
        self._networks = networks or LoadedNetworks()

    def __call__(self, fields: dict, report: Report) -> Finish:
        """Compare scans.

        Raises
        ------
        WrongRequestError
        HypothalamusSegError
            Nothing was written then.
        """
        given, checked = check_fields(fields)
        options = read_options(checked)
        followed, failed = follow_scans(given, options, report, self._networks)
        for visit in failed:
            event = {"event": "failed_visit", "input": str(visit.path)}
            report({**event, "code": visit.error.code, "message": str(visit.error)})
        name, paths = checked["name"], [visit.path for visit in failed]
        output, with_page = Path(checked["output"]), checked.get("page", True)
        files = write_all(followed, output, name, paths, with_page)
        event = {"event": "result", "files": [*map(str, files)]}
        report({**event, "result": describe(followed, name, paths)})
        failures = [m.visit.provenance["device_failure"] for m in followed.visits]
        del followed
        give_memory_back()
        return Finish(is_fit=not any(failures))


def check_fields(fields: dict) -> tuple[list[Given], dict]:
    """Check a request; raises `WrongRequestError`.

    Returns
    -------
    list of Given
    dict
        The fields.
    """
    check_types(fields, FIELDS, REQUIRED)
    inputs = fields["inputs"]
    dates = fields.get("dates", [None] * len(inputs))
    if len(inputs) < 2 or not all(isinstance(path, str) for path in inputs):
        raise WrongRequestError('"inputs" of the request is not a list of two or more paths')
    if len(dates) != len(inputs):
        raise WrongRequestError('"dates" and "inputs" of the request differ in length')
    if Path(fields["name"]).name != fields["name"]:
        raise WrongRequestError('"name" of the request cannot be used in file names')
    try:
        days = [None if day is None else date.fromisoformat(day) for day in dates]
    except (TypeError, ValueError) as error:
        raise WrongRequestError(f'"dates" of the request: {error}') from error
    return [Given(Path(path), day) for path, day in zip(inputs, days, strict=True)], fields
