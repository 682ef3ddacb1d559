"""Trials of a campaign's plan on past orders: jobs that the worker runs, and their reports."""

from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.trials.what_if import Report

#: The kind of such a job.
TRY_PLAN = "try_plan"
# A shop's newest jobs, among which its campaigns' trials are looked for.
_LOOKED_AT = 50


def trials_of(tx: Connection, *, shop_id: UUID, campaign: str) -> list[Action]:
    """Return the last trials of a campaign (``cmp_…``), the newest first."""
    jobs = planning.jobs_of(tx, shop_id=shop_id, kinds=[TRY_PLAN], limit=_LOOKED_AT)
    return [job for job in jobs if job.params.get("campaign") == campaign]


def report_of(job: Action) -> Report:
    """Return the report of a trial that came to its end."""
    return msgspec.convert(job.receipt, Report)


def newest_done(jobs: list[Action]) -> Action | None:
    """Return the newest trial that came to its end."""
    return next((job for job in jobs if job.state == State.DONE), None)
