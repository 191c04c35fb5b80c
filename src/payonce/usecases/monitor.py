"""Monitor: run the checks, open what they find, resolve what they find no more. It repairs nothing and tells nobody.

Each check is one transaction. One that fails is noted, with a finding, and the others go on: what it found before stays
as it is, because nobody looked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from payonce.base.errors import PayonceError, Refused, Unavailable
from payonce.domain.finding import Finding
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.look import Check, Found, Look, Looking, Pace
from payonce.usecases.look_at_effects import repeated_effects, stopped_effects, stuck_effects
from payonce.usecases.look_at_invariants import invariants
from payonce.usecases.look_at_orders import held_payouts, repeated_processing, shared_payments, stuck_orders
from payonce.usecases.look_at_providers import provider_silent, unhandled_events, webhook_lag
from payonce.usecases.look_at_service import checkout_refusals, job_stale
from payonce.usecases.run_context import RunLost, RunStopped
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

MONITOR: Final = queries.load("monitor")
FINDINGS: Final = queries.load("findings")

ALL: Final = (
    Check("checkout_refusals", "people who want to pay are refused (D13)", checkout_refusals, "watch"),
    Check("job_stale", "a job did not run (C20)", job_stale, "watch", is_of_installation=True),
    Check("stuck_orders", "an order is stuck (C19)", stuck_orders),
    Check("stuck_effects", "an effect is stuck (C19)", stuck_effects),
    Check("stopped_effects", "an effect waits for a person and nobody knows (L4)", stopped_effects),
    Check("repeated_effects", "an effect was delivered again (E13)", repeated_effects, is_of_past=True),
    Check("repeated_processing", "one payment is told again and again (E14)", repeated_processing),
    Check("shared_payments", "two orders name one payment (C18)", shared_payments),
    Check("provider_silent", "payments come without a callback (E15)", provider_silent),
    Check("webhook_lag", "events come late", webhook_lag),
    Check("unhandled_events", "types that nobody handles (B11)", unhandled_events),
    Check("held_payouts", "payees wait for what is in doubt (E12)", held_payouts),
    Check("invariants", "what always holds", invariants),
)


@dataclass(slots=True)
class Monitored:
    """What a look did: findings that are there, went, woke, are overdue; and the checks that could not look."""

    checks: int = 0
    found: int = 0
    opened: int = 0
    gone: int = 0
    woken: int = 0
    overdue: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Findings that are otherwise than before the look."""
        return self.opened + self.gone + self.woken + self.overdue


def checks_of(pace: Pace) -> list[Check]:
    """The checks of a pace."""
    return [check for check in ALL if check.pace == pace]


async def monitor(
    world: World, merchant_id: str, *, pace: Pace | None = None, only: Collection[str] = (),
    checks: Sequence[Check] = ALL,
) -> Monitored:  # fmt: skip
    """Run the checks of a pace, or those that are named, or all. Raises Refused `check_unknown`; Unavailable where the
    database answers none of them.
    """
    names = {check.name for check in checks}
    if unknown := sorted(set(only) - names):
        raise Refused(f"there is no check {unknown[0]!r}; there are {', '.join(sorted(names))}", code="check_unknown")
    did = Monitored()
    await _end_rests(world, merchant_id, did)
    for check in checks:
        is_asked = check.name in only if only else pace in (None, check.pace)
        if not is_asked or (check.is_of_installation and not _speaks_for_all(world, merchant_id)):
            continue
        try:
            found, opened, gone = await _run(world, merchant_id, check)
        except (RunStopped, RunLost):
            # No trouble of the check: an operator, a cap or another process ends the run.
            raise
        except PayonceError as error:
            did.failed[check.name] = f"{error.code}: {error.message}"
            await _note_failure(world, merchant_id, check, error)
        else:
            did.checks, did.found = did.checks + 1, did.found + found
            did.opened, did.gone = did.opened + opened, did.gone + gone
    return did


async def _run(world: World, merchant_id: str, check: Check) -> tuple[int, int, int]:
    """One check; how many differences are there, how many of them are new, and how many went."""
    tape, key = IdTape(world.ids), {"merchant_id": merchant_id}

    async def work(tx: Tx) -> tuple[int, int, int]:
        tape.rewind()
        known, marks = await tx.all(
            (FINDINGS.open_of_check, key | {"found_by": check.name}), (MONITOR.check_marks, key)
        )  # fmt: skip
        mark = next((row.mark for row in marks if row.name == check.name), None)
        look = await check.look(tx, Looking(world, merchant_id, tx.now, world.watch, known, mark))
        found = await _without_answered(tx, merchant_id, look.found) if check.is_of_past else look.found
        write_findings(tx, merchant_id, [_finding(tape, check, each) for each in found])
        gone = _gone(known, look, check)
        resolve_findings(tx, merchant_id, gone, f"the check {check.name} finds it no more")
        resolve_findings(tx, merchant_id, [_trouble_of(check)], "the check looked again")
        tx.later(MONITOR.check_ran, **key, name=check.name, now=tx.now, mark=look.mark, found=len(look.found))
        opened = {each.fingerprint for each in found} - {row.fingerprint for row in known}
        return len(found), len(opened), len(gone)

    return await world.database.transaction(work, name=f"monitor.{check.name}")


def _gone(known: Sequence[Row], look: Look, check: Check) -> set[str]:
    """What the check found before and does not now. What happened does not go away; what was not judged stays."""
    if look.is_partial or check.is_of_past:
        return set()
    return {row.fingerprint for row in known} - {each.fingerprint for each in look.found} - look.unclear


async def _without_answered(tx: Tx, merchant_id: str, found: Sequence[Found]) -> list[Found]:
    """Leave out what a person answered and what has not grown since: a fact of the past does not come back."""
    if not found:
        return []
    rows = await tx.rows(
        FINDINGS.answered_findings, merchant_id=merchant_id, fingerprints=[each.fingerprint for each in found]
    )
    answered = {row.fingerprint: row.counted for row in rows}
    return [each for each in found if (each.counted or 1) > answered.get(each.fingerprint, 0)]


def _finding(tape: IdTape, check: Check, each: Found) -> Finding:
    return Finding(
        tape.next(), each.kind, each.about, each.order_id, each.money_minor, each.currency, each.detail, each.counted,
        each.orders, each.evidence, check.name, each.provider, each.severity,
    )  # fmt: skip


async def _end_rests(world: World, merchant_id: str, did: Monitored) -> None:
    """Wake what was ignored until now, and say once of what nobody resolved in its time that it is overdue."""

    async def work(tx: Tx) -> tuple[int, int]:
        key = {"merchant_id": merchant_id, "now": tx.now}
        woken, overdue = await tx.all((FINDINGS.wake_findings, key), (FINDINGS.mark_overdue, key))
        return len(woken), len(overdue)

    did.woken, did.overdue = await world.database.transaction(work, name="monitor.end_rests")


async def _note_failure(world: World, merchant_id: str, check: Check, error: PayonceError) -> None:
    """Keep that the check could not look. Where the database does not answer at all, that is the error to raise."""
    finding_id, why = world.ids.new(), f"{error.code}: {error.message}"[:300]

    async def work(tx: Tx) -> None:
        detail = {"job": "monitor", "check": check.name, "code": error.code, "message": error.message[:300]}
        write_findings(
            tx, merchant_id, [Finding(finding_id, "job_trouble", f"monitor:{check.name}", None, 0, None, detail)]
        )
        tx.later(MONITOR.check_failed, merchant_id=merchant_id, name=check.name, now=tx.now, why=why)

    try:
        await world.database.transaction(work, name="monitor.note_failure")
    except Unavailable as also:
        raise also from error


def _trouble_of(check: Check) -> str:
    return f"job_trouble:monitor:{check.name}"


def _speaks_for_all(world: World, merchant_id: str) -> bool:
    """Whether what concerns the installation is told to this merchant: to one, so that it is told once."""
    return merchant_id == min({*world.merchants.values()}, default=merchant_id)


@dataclass(frozen=True, slots=True)
class CheckView:
    """When a check looked last, what it found, and why it could not look since."""

    name: str
    ran_at: datetime | None
    found: int
    failed_why: str | None
    failed_at: datetime | None


async def list_checks(world: World, merchant_id: str) -> Mapping[str, CheckView]:
    """Every check by name: whether anybody is looking, for health and the heartbeat."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(MONITOR.check_marks, merchant_id=merchant_id)

    rows = {row.name: row for row in await world.database.transaction(work, name="list_checks", read_only=True)}
    found = {}
    for check in ALL:
        row = rows.get(check.name)
        ran_at = row.ran_at if row is not None and row.ran_at.year > 1970 else None
        found[check.name] = CheckView(
            check.name, ran_at, row.found if row else 0, row.failed_why if row else None, row.failed_at if row else None
        )
    return found
