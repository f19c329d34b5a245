"""What runs in a worker: follow one subject and write its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from HypothalamusSegLib.errors import CancelledError, HypothalamusSegError
from HypothalamusSegLib.loaded_networks import LoadedNetworks
from HypothalamusSegLib.longitudinal.files import write_all
from HypothalamusSegLib.longitudinal.run import Given, follow_scans
from HypothalamusSegLib.options import Options

from .subjects import FollowedSubject

# Beside the subject's derivatives; sessions are in the order of time there.
KEY_NAME = "followed"
_networks: list[LoadedNetworks] = []


@dataclass(frozen=True)
class FollowTask:
    """One subject to follow; small and picklable."""

    subject: FollowedSubject
    output: Path
    options: Options
    fingerprint: str
    with_page: bool = True


@dataclass(frozen=True)
class FollowOutcome:
    """Outcome for a subject; ``reason`` is empty if all went well."""

    participant_id: str
    reason: str = ""


def follow_subject(task: FollowTask) -> FollowOutcome:
    """Follow one subject; a failure is an outcome, and only a canceled run is raised."""
    subject = task.subject
    if not _networks:
        _networks.append(LoadedNetworks())
    try:
        given = [Given(session.path, session.acquired) for session in subject.sessions]
        followed, failed = follow_scans(given, task.options, networks=_networks[0])
        folder = folder_of(task.output, subject.participant_id)
        (folder / key_name(subject.participant_id)).unlink(missing_ok=True)
        unused = [visit.path for visit in failed]
        write_all(followed, folder, subject.participant_id, unused, task.with_page)
    except CancelledError:
        raise
    except HypothalamusSegError as error:
        return FollowOutcome(subject.participant_id, str(error))
    if failed:
        reason = " ".join(str(visit.error) for visit in failed)
        return FollowOutcome(subject.participant_id, reason)
    # Written last: the files next to it are then complete and belong to these inputs.
    key = {"fingerprint": task.fingerprint, "inputs": inputs_of(subject)}
    path = folder / key_name(subject.participant_id)
    path.write_text(json.dumps(key) + "\n", encoding="utf-8")
    return FollowOutcome(subject.participant_id)


def folder_of(output: Path, participant_id: str) -> Path:
    """Where the files of a followed subject are."""
    return output / participant_id / "follow"


def key_name(participant_id: str) -> str:
    return f"{participant_id}_{KEY_NAME}.json"


def inputs_of(subject: FollowedSubject) -> list[list[str | None]]:
    """What determines the result of a subject, apart from the options: images and dates."""
    return [
        [s.scan, s.sha256, None if s.acquired is None else s.acquired.isoformat()]
        for s in subject.sessions
    ]
