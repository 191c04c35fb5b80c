"""What the doctor says of a merchant's choices about money that does not fit: what waits for a person, and what is
risky."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from payonce.base.money import show
from payonce.domain.policy import SurplusPolicy
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.checks import Check
from payonce.usecases.world import World

SERVER: Final = queries.load("server")
# Limits beyond the shipped ones by more than this were perhaps not meant: minor units are easily taken for whole ones.
MUCH: Final = 20
# Within a quarter of a year prices change, and whoever paid has often bought elsewhere.
LONG_AGO: Final = timedelta(days=90)
# A payer who sends a second part needs this long at least to see that something is missing.
SOON: Final = timedelta(hours=1)
MONEY_CHOICES: Final = ("second", "over", "late", "late_else", "unfinished")


def surplus_checks(world: World, merchant_id: str, name: str) -> list[Check]:
    """The choices of one merchant, looked at by themselves."""
    policy = world.policy_of(merchant_id).surplus
    checks = [_summary(policy, name), *_limits(policy, name)]
    if policy.late == "revive" and policy.late_within > LONG_AGO:
        says = f"a payment revives its order up to {policy.late_within.days} days after it was closed"
        checks.append(Check(name, "warning", says, "Prices and stock may have changed; choose a shorter late_within."))
    if policy.unfinished == "refund" and policy.unfinished_after < SOON:
        says = "a part payment of an expired order goes back before its payer can send the rest"
        checks.append(Check(name, "warning", says, "Choose a longer unfinished_after."))
    return checks


async def currencies_check(world: World, merchant_id: str, name: str) -> list[Check]:
    """Currencies of recent orders of which nothing goes back by itself. That is safe, and worth knowing."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(SERVER.order_currencies, merchant_id=merchant_id)

    rows = await world.database.transaction(work, name="doctor_currencies", read_only=True)
    policy = world.policy_of(merchant_id).surplus
    limits = (policy.refund_at_most_minor, policy.refund_a_day_minor)
    missing = [row.currency for row in rows if any(not limit.get(row.currency) for limit in limits)]
    if not missing:
        return []
    says = f"no refund in {', '.join(missing)} goes back by itself: every one waits for a person"
    hint = "Name them in refund_at_most_minor and refund_a_day_minor, if they shall."
    return [Check(f"{name} currencies", "ok", says, hint)]


def _summary(policy: SurplusPolicy, name: str) -> Check:
    told = ", ".join(f"{choice} {getattr(policy, choice)}" for choice in MONEY_CHOICES)
    held = [choice for choice in MONEY_CHOICES if getattr(policy, choice) == "hold"]
    hint = f"Held until a person decides: {', '.join(held)}. `payonce findings list` shows what waits." if held else ""
    return Check(name, "ok", f"money that does not fit: {told}", hint)


def _limits(policy: SurplusPolicy, name: str) -> Iterable[Check]:
    default = SurplusPolicy()
    at_most, a_day = policy.refund_at_most_minor, policy.refund_a_day_minor
    for what, limits, usual in (
        ("one refund of up to", at_most, default.refund_at_most_minor),
        ("a day's refunds of up to", a_day, default.refund_a_day_minor),
    ):
        large = _named({code: minor for code, minor in limits.items() if minor > MUCH * usual.get(code, minor)})
        if large:
            hint = "Is it meant? Amounts are minor units: 100 are one dollar."
            yield Check(name, "warning", f"{what} {large} goes back by itself, without anybody looking", hint)
    beyond = _named({code: minor for code, minor in at_most.items() if 0 < a_day.get(code, 0) < minor})
    if beyond:
        says = f"one refund may be {beyond}, and all of a day less: the larger ones always wait for a person"
        yield Check(name, "warning", says, "Raise refund_a_day_minor, or lower refund_at_most_minor.")


def _named(amounts: Mapping[str, int]) -> str:
    return ", ".join(show(minor, currency) for currency, minor in amounts.items())
