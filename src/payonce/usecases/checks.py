"""What the doctor finds: one check for each thing that it looks at, and what it is told of the installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from payonce.domain.breaker import Caps, Limits

Health = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, in a sentence, and what to do where it is not well."""

    name: str
    health: Health
    says: str
    hint: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the edge knows of the installation and the core cannot see. `free_bytes` only where the data is ours."""

    base_url: str
    connections: int
    is_simulated: bool = False
    webhook_url: str | None = None
    pay_page_url: str | None = None
    switched_off: Sequence[str] = ()
    free_bytes: int | None = None
    # Routes of alerts by name, with what is wrong with their addresses (empty: nothing).
    alert_routes: Mapping[str, str] = field(default_factory=dict)
    heartbeat_url: str | None = None
    # The limits of runs in force, and the caps of the timetable by job.
    limits: Limits = field(default_factory=Limits)
    caps: Mapping[str, Caps] = field(default_factory=dict)
