"""Pull a switch or put it back, change how often a job runs, retire it: each with who, when and why (A10, A15).

It takes effect within one batch, in every process, because runs look at these rows between batches. Nothing here needs
a deploy, and nothing is forgotten: every change is a row that stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.switch import ALL, LONGEST_ACTOR, MESSAGES, Switch, check_reason
from payonce.store.database import Tx
from payonce.store.jobs import JOBS, SWITCHES, read_switches
from payonce.usecases.world import World

# Below a second the looking itself is the load; above a month the run history says nothing any more.
SHORTEST_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 31 * 24 * 3600.0
# Kinds have names of a few dozen letters; there are a few dozen of them.
MOST_KINDS: Final = 100


async def pause(world: World, name: str, *, by: str, reason: str, allow: Collection[str] = ()) -> Switch:
    """Stop a job, `all` background work, or `messages` to customers but of the kinds in `allow`. Stopping what is
    stopped changes its reason.

    Raises Refused `switch_unknown` (404), `reason_missing`, `allow_invalid`.
    """
    kinds = tuple(sorted(set(allow)))
    if kinds and name != MESSAGES:
        raise Refused("only the switch `messages` lets single kinds out", code="allow_invalid", param="allow")
    if len(kinds) > MOST_KINDS or any(not kind or len(kind) > 100 or not kind.isprintable() for kind in kinds):
        raise Refused("these are no names of effects", code="allow_invalid", param="allow")
    return await _switch(world, name, True, kinds, by, reason)


async def resume(world: World, name: str, *, by: str, reason: str) -> Switch:
    """Let it run again. A run that the switch stopped goes on. Raises Refused `switch_unknown` (404),
    `reason_missing`.
    """
    return await _switch(world, name, False, (), by, reason)


async def set_interval(world: World, job: str, every_seconds: float | None, *, by: str, reason: str) -> None:
    """Let the job run at another interval than its timetable's; None gives that one back.

    Raises Refused `job_unknown` (404), `interval_invalid`, `reason_missing`.
    """
    if every_seconds is not None and not SHORTEST_SECONDS <= every_seconds <= LONGEST_SECONDS:
        raise Refused(
            f"an interval is between {SHORTEST_SECONDS:g} seconds and 31 days", code="interval_invalid", param="every"
        )
    detail = "as the timetable says" if every_seconds is None else f"every {every_seconds:g} s"
    change_id, why = world.ids.new(), check_reason(reason)

    async def work(tx: Tx) -> None:
        if await tx.one(JOBS.set_interval, job=job, every_seconds=every_seconds) is None:
            raise _unknown_job(job)
        _note(tx, change_id, job, "every", detail, why, by[:LONGEST_ACTOR])

    await world.database.transaction(work, name="set_interval")


async def retire(world: World, job: str, *, by: str, reason: str, is_retired: bool = True) -> None:
    """Take a job out of use, or back into it. What runs ends after its batch. Raises Refused `job_unknown` (404),
    `reason_missing`.
    """
    change_id, why = world.ids.new(), check_reason(reason)

    async def work(tx: Tx) -> None:
        if await tx.one(JOBS.set_retired, job=job, is_retired=is_retired) is None:
            raise _unknown_job(job)
        _note(tx, change_id, job, "retire" if is_retired else "revive", "", why, by[:LONGEST_ACTOR])

    await world.database.transaction(work, name="retire_job")


async def _switch(world: World, name: str, is_off: bool, allow: Sequence[str], by: str, reason: str) -> Switch:
    change_id, why, actor = world.ids.new(), check_reason(reason), by[:LONGEST_ACTOR]

    async def work(tx: Tx) -> Switch:
        if name not in (ALL, MESSAGES) and await tx.one(JOBS.job_state, job=name) is None:
            raise Refused(
                f"there is no switch {name!r:.60}; there are {ALL}, {MESSAGES} and every job", code="switch_unknown",
                param="name", status=404,
            )  # fmt: skip
        [before] = await read_switches(tx, [name]) or [Switch(name, False, (), why, actor, tx.now)]
        if not is_off and not before.is_off:
            # It is on already: there is no change to keep.
            return before
        await tx.run(
            SWITCHES.put_switch, name=name, is_off=is_off, allow=list(allow), reason=why, actor=actor, now=tx.now
        )
        detail = f"allow {', '.join(allow)}" if allow else ""
        _note(tx, change_id, name, "pause" if is_off else "resume", detail, why, actor)
        return Switch(name, is_off, tuple(allow), why, actor, tx.now)

    return await world.database.transaction(work, name="pull_switch")


def _note(tx: Tx, change_id: UUID, name: str, act: str, detail: str, reason: str, by: str) -> None:
    tx.later(
        SWITCHES.add_change, change_id=change_id, name=name, act=act, detail=detail, reason=reason,
        actor=by, now=tx.now,
    )  # fmt: skip


def _unknown_job(job: str) -> Refused:
    return Refused(f"there is no job {job!r:.60}", code="job_unknown", param="job", status=404)
