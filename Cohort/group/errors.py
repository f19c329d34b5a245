"""Errors between the finished scans and the group result, with messages for the user."""

from __future__ import annotations

from HypothalamusSegLib.errors import HypothalamusSegError


class ParticipantsFileError(HypothalamusSegError):
    """participants.tsv is missing, unreadable, or not a table with a column participant_id."""

    code = "participants_file"


class SessionsFileError(HypothalamusSegError):
    """A sub-X_sessions.tsv is unreadable, or not a table with a column session_id."""

    code = "sessions_file"


class ContrastError(HypothalamusSegError):
    """The contrast names a column or a level that participants.tsv does not have."""

    code = "contrast"


class CovariateError(HypothalamusSegError):
    """A covariate is missing, neither numbers nor a few categories, or tied to the group."""

    code = "covariate"


class TooFewScansError(HypothalamusSegError):
    """A group has too few finished scans for a model."""

    code = "too_few_scans"


class NoResultsError(HypothalamusSegError):
    """The folder holds no finished scan."""

    code = "no_results"


class RepeatScansError(HypothalamusSegError):
    """The table of repeat scans is missing or is not what `cohort compare` writes."""

    code = "repeat_scans"


class ReviewFileError(HypothalamusSegError):
    """A review file is unreadable, lacks a column, or holds an unknown mark."""

    code = "review_file"


class FrozenPlanError(HypothalamusSegError):
    """A frozen plan cannot be read, or one exists already."""

    code = "frozen_plan"


class SameImageError(HypothalamusSegError):
    """Two subjects or sessions have the same image."""

    code = "same_image"


class RunsDoNotMatchError(HypothalamusSegError):
    """Two runs to be compared have no scan in common."""

    code = "runs_do_not_match"
