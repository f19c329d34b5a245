"""The outcome of a scan: small, picklable, for any executor and for the index."""

from __future__ import annotations

from dataclasses import dataclass, field

DONE, UNCHANGED, FAILED = "done", "unchanged", "failed"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task.

    Attributes
    ----------
    status : str
        ``done``, ``unchanged`` or ``failed``.
    code, reason : str
        Of a failure, as HypothalamusSegLib.errors has them.
    description : dict
        The JSON description of the result (see README), empty if there is none.
    volumes : list of dict
        The rows of the volume table.
    files : list of str
        Relative to the output folder.
    """

    name: str
    status: str
    code: str = ""
    reason: str = ""
    sha256: str = ""
    seconds: float = 0.0
    description: dict = field(default_factory=dict)
    volumes: list[dict] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
