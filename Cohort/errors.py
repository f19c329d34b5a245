"""Errors of a cohort before any scan is segmented; see HypothalamusSegLib.errors."""

from __future__ import annotations

from HypothalamusSegLib.errors import HypothalamusSegError


class IndexFileError(HypothalamusSegError):
    """The cohort's index is damaged, is another kind of file, or cannot be written."""

    code = "index_file"


class MixedResultsError(HypothalamusSegError):
    """Scans of one cohort were segmented with different options or weights."""

    code = "mixed_results"


class ExecutorConfigError(HypothalamusSegError):
    """The parsl configuration is missing or defines no configuration."""

    code = "executor_config"


class FollowedVolumesError(HypothalamusSegError):
    """The table of the follow level is missing or malformed."""

    code = "followed_volumes"


class MissingPackageError(HypothalamusSegError):
    """An optional package that this command needs is not installed."""

    code = "missing_package"
