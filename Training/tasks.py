"""The three trainings, by the ensemble that they make."""

from __future__ import annotations

from .hypothalamus_task import HypothalamusTask
from .icv_tasks import IcvBorderTask, IcvTask

TASKS = {"hypothalamus": HypothalamusTask, "icv": IcvTask, "icv_border": IcvBorderTask}
