"""What a worker is asked: one JSON object per line."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..errors import HypothalamusSegError
from ..options import Options, options_from_json

CANCEL, END = "cancel", "end"


class WrongRequestError(HypothalamusSegError):
    """A program sent a request that the worker does not understand."""

    code = "wrong_request"


@dataclass(frozen=True, eq=False)
class Request:
    """A line of the input.

    Attributes
    ----------
    kind : str
        ``cancel``, ``end``, or what the worker is to do.
    identifier : str or None
        Chosen by the sender; repeated in every event of this request.
    fields : dict
        The rest.
    """

    kind: str
    identifier: str | None
    fields: dict


def read_request(line: bytes) -> Request:
    """Read a line.

    Raises
    ------
    WrongRequestError

    Examples
    --------
    >>> read_request(b'{"request": "segment", "id": "1", "input": "head.nii.gz"}').fields
    {'input': 'head.nii.gz'}
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WrongRequestError(f"This line is not a JSON object ({error}).") from error
    if not isinstance(fields, dict):
        raise WrongRequestError("This line is not a JSON object.")
    kind, identifier = fields.pop("request", None), fields.pop("id", None)
    if not isinstance(kind, str):
        raise WrongRequestError('This line has no "request".')
    if kind != END and not isinstance(identifier, str):
        raise WrongRequestError(f'The request "{kind}" needs an "id", which is a string.')
    return Request(kind, identifier, fields)


def check_types(fields: dict, types: dict[str, type], required: set[str]) -> dict:
    """Check names and types of a request's fields.

    Raises
    ------
    WrongRequestError

    Examples
    --------
    >>> check_types({"input": "head.nii.gz"}, {"input": str}, {"input"})
    {'input': 'head.nii.gz'}
    """
    missing, unknown = required - set(fields), set(fields) - set(types)
    if missing or unknown:
        word, names = ("missing", missing) if missing else ("unknown", unknown)
        raise WrongRequestError(f"{word} in the request: {', '.join(sorted(names))}")
    for name, value in fields.items():
        if not isinstance(value, types[name]):
            raise WrongRequestError(f'"{name}" of the request is not {types[name].__name__}')
    return fields


def read_options(fields: dict) -> Options:
    """Read ``options`` of a request; raises `WrongRequestError`."""
    try:
        return options_from_json(fields.get("options", {}))
    except ValueError as error:
        raise WrongRequestError(f'"options": {error}') from error
