"""What the routes of jobs and switches take."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from payonce.api.v1.bodies import Reason
from payonce.usecases.pull_switch import LONGEST_SECONDS, MOST_KINDS, SHORTEST_SECONDS

Kind = Annotated[str, Field(min_length=1, max_length=100)]


class SwitchWish(Reason):
    """How a switch is to stand, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"off": True, "reason": "oversell, INC-4"}]})

    off: bool
    allow: Annotated[
        tuple[Kind, ...], Field(max_length=MOST_KINDS, description="kinds that `messages` still lets out", strict=False)
    ] = ()


class JobWish(Reason):
    """How often a job is to run, and whether it is out of use; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"every_seconds": 300, "reason": "a bad day"}]})

    every_seconds: Annotated[
        float | None,
        Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, description="null gives the timetable's interval back"),
    ] = None
    retired: bool | None = None
