"""Doctor: look at everything that an installation rests on, and say what is wrong and what to do. It changes nothing.

The only use case that asks a provider about itself; starting never does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from payonce.base.errors import PayonceError
from payonce.domain.switch import say_stopped
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.store.migrate import status
from payonce.usecases.checks import Check as Check
from payonce.usecases.checks import Facts as Facts
from payonce.usecases.checks import Health
from payonce.usecases.doctor_accounts import account_checks, is_near, together
from payonce.usecases.doctor_alerts import route_checks, told_check
from payonce.usecases.doctor_limits import limits_checks
from payonce.usecases.doctor_surplus import currencies_check, surplus_checks
from payonce.usecases.list_events import unhandled_types
from payonce.usecases.list_jobs import list_switches
from payonce.usecases.world import World

SERVER: Final = queries.load("server")
OLDEST_VERSION: Final = 150000
# Times of rows come from the processes, and some are compared with each other; a second is what NTP keeps easily.
CLOCK_WARNS_SECONDS: Final = 1.0
# Leases are 30 s: processes that are further apart take each other's for expired.
CLOCK_FAILS_SECONDS: Final = 10.0
# The write-ahead log of an hour of a busy shop; below it a full disk is a matter of days.
DISK_WARNS_BYTES: Final = 2 * 1024**3
DISK_FAILS_BYTES: Final = 256 * 1024**2


async def doctor(world: World, merchant_id: str, facts: Facts) -> AsyncIterator[Check]:
    """Check after check, as they are made; those of the providers come last, because they take the longest.

    `merchant_id` is the installation's own; what every merchant decides or is told is looked at for each.
    """
    merchants = [merchant_id, *sorted({*world.merchants.values()} - {merchant_id})]
    names = {each: "" if each == merchant_id else f" of {each}" for each in merchants}
    for check in [*_policy(world, merchant_id, facts), *together(world, facts), *route_checks(facts)]:
        yield check
    for each in merchants:
        for check in surplus_checks(world, each, f"surplus{names[each]}"):
            yield check
    try:
        rows, began, ended = await _ask_server(world)
    except PayonceError as error:
        yield Check("database", "wrong", error.message, error.hint)
    else:
        for check in _server(rows, began, ended, facts):
            yield check
        migrations = await _migrations(world)
        yield migrations
        # The rest reads our own tables, which need not be there yet.
        if migrations.health != "wrong":
            for check in await _switches(world):
                yield check
        for each in merchants if migrations.health != "wrong" else ():
            yield await _unhandled(world, each, f"unhandled_events{names[each]}")
            for check in await currencies_check(world, each, f"surplus{names[each]}"):
                yield check
            for check in await told_check(world, each, facts.alert_routes, f"alerts_told{names[each]}"):
                yield check
    for key in world.tills:
        for check in await account_checks(world, key, facts):
            yield check


async def _switches(world: World) -> list[Check]:
    """What operators stopped and did not put back."""
    return [
        Check(
            "jobs",
            "warning",
            f"since {each.at:%Y-%m-%d %H:%M}: {say_stopped(each)}",
            f"payonce jobs resume {each.name}",
        )
        for each in await list_switches(world)
        if each.is_off
    ]


def _policy(world: World, merchant_id: str, facts: Facts) -> list[Check]:
    checks = []
    if world.policy_of(merchant_id).strategy == "window":
        checks.append(
            Check(
                "strategy",
                "warning",
                "the strategy is window: a click in a later window closes a payment that could still be paid",
                "Use reuse, unless you know why not.",
            )
        )
    else:
        checks.append(Check("strategy", "ok", f"the strategy is {world.policy_of(merchant_id).strategy}"))
    if facts.is_simulated:
        says = "the providers are simulators: no real money moves"
        checks.append(Check("simulator", "warning", says, "Set a provider's keys, such as PAYONCE_STRIPE_API_KEY."))
    if facts.webhook_url is not None:
        checks.append(_webhook(facts.webhook_url))
    for name in facts.switched_off:
        checks.append(Check("jobs", "warning", f"the job {name} is switched off", f"PAYONCE_JOB_{name.upper()}=on"))
    checks += limits_checks(facts.limits, facts.caps)
    if facts.free_bytes is not None:
        checks.append(_disk(facts.free_bytes))
    return checks


def _webhook(url: str) -> Check:
    parts = urlsplit(url)
    host = parts.hostname or ""
    near = is_near(host)
    if parts.scheme == "http" and not near:
        hint = "Use https: what is sent names orders and payers."
        return Check("webhook_url", "warning", f"outgoing webhooks go to {host} without encryption", hint)
    if near:
        hint = "Fine where the application runs on this machine, and only there."
        return Check("webhook_url", "warning", "outgoing webhooks go to this machine itself", hint)
    return Check("webhook_url", "ok", f"outgoing webhooks go to {host}")


def _disk(free: int) -> Check:
    says = f"{free / 1024**3:.1f} GB are free where the embedded database is"
    health: Health = "wrong" if free < DISK_FAILS_BYTES else "warning" if free < DISK_WARNS_BYTES else "ok"
    return Check("disk", health, says, "" if health == "ok" else "Make room: a full disk stops every payment.")


async def _ask_server(world: World) -> tuple[list[Row], datetime, datetime]:
    began = world.clock.now()

    async def work(tx: Tx) -> list[Row]:
        [facts], [load] = await tx.all((SERVER.server_facts, {}), (SERVER.server_load, {}))
        return [facts, load]

    rows = await world.database.transaction(work, name="doctor", read_only=True)
    return rows, began, world.clock.now()


def _server(rows: Sequence[Row], began: datetime, ended: datetime, facts: Facts) -> list[Check]:
    server, load = rows
    checks = [_version(server), _clock(server.now, began, ended)]
    for name, why in (
        ("fsync", "a crash of the machine loses what was acknowledged, and more"),
        ("full_page_writes", "a crash of the machine can leave pages half written"),
        ("synchronous_commit", "a crash loses payments that were acknowledged"),
    ):
        value = getattr(server, name)
        if value == "off":
            hint = f"Set {name} = on: nothing that payonce promises outlives a crash without it."
            checks.append(Check(name, "wrong", f"{name} is off: {why}", hint))
        else:
            checks.append(Check(name, "ok", f"{name} is {value}"))
    if server.is_standby:
        hint = "Name the primary, or several hosts with target_session_attrs=read-write."
        checks.append(Check("primary", "wrong", "the server is a standby and takes no writes", hint))
    most = int(server.max_connections or 0)
    if most and load.connections + facts.connections > most:
        says = f"{load.connections} of {most} connections are open, and this pool may open {facts.connections}"
        checks.append(Check("connections", "warning", says, "Lower PAYONCE_DATABASE_CONNECTIONS, or raise the limit."))
    else:
        says = f"{load.connections} of {most} connections are open; a process opens up to {facts.connections}"
        checks.append(Check("connections", "ok", says))
    return checks


def _version(server: Row) -> Check:
    if server.version_number < OLDEST_VERSION:
        says = f"PostgreSQL {server.version} is older than 15"
        return Check("version", "wrong", says, "Use version 15 or later.")
    return Check("version", "ok", f"PostgreSQL {server.version}")


def _clock(there: datetime, began: datetime, ended: datetime) -> Check:
    # The server read its clock some time between our two looks at ours.
    apart = max((began - there).total_seconds(), (there - ended).total_seconds(), 0.0)
    says = f"the clocks of this machine and the database are {apart:.1f} s apart"
    if apart < CLOCK_WARNS_SECONDS:
        return Check("clock", "ok", says)
    return Check("clock", "wrong" if apart >= CLOCK_FAILS_SECONDS else "warning", says, "Let both follow NTP.")


async def _migrations(world: World) -> Check:
    try:
        steps = await status(world.database)
    except PayonceError as error:
        return Check("migrations", "wrong", error.message, error.hint)
    pending = [step for step in steps if step.applied_at is None]
    if any(step.phase == "pre" for step in pending):
        return Check("migrations", "wrong", f"{len(pending)} migrations are pending", "Run `payonce db migrate`.")
    if pending:
        hint = "Run `payonce db migrate` once no older release runs any more."
        return Check("migrations", "warning", f"{len(pending)} migrations wait until no older release runs", hint)
    return Check("migrations", "ok", f"all {len(steps)} migrations are applied")


async def _unhandled(world: World, merchant_id: str, name: str) -> Check:
    types = await unhandled_types(world, merchant_id)
    if not types:
        return Check(name, "ok", "every event type that came is handled")
    shown = ", ".join(f"{each.type} ({each.events})" for each in types[:8])
    detail = {"types": {f"{each.provider} {each.type}": each.events for each in types}}
    # Never an error (B11): they are kept, and somebody may want to subscribe to fewer.
    return Check(name, "ok", f"stored and not handled: {shown}", detail=detail)
