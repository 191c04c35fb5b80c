"""Look at orders: those that are stuck, that share a provider's payment, whose payouts wait, that are told again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from payonce.base.ids import first_at
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.look import MOST_FOUND, Found, Look, Looking, found_of

CHECKS: Final = queries.load("checks")
# Names of provider objects that one look walks over; a shop of any usual size is walked over in one.
MOST_WALKED: Final = 50_000
# Behind every name that a provider gives: an index is walked from its beginning.
_FIRST: Final = ""
_DAY: Final = timedelta(days=1)


async def stuck_orders(tx: Tx, looking: Looking) -> Look:
    """C19: orders whose attempt is not finished, or that wait or stay open, beyond their time."""
    watch, now, key = looking.watch, looking.now, {"merchant_id": looking.merchant_id, "limit": MOST_FOUND + 1}
    close_after = looking.world.policy_of(looking.merchant_id).close_after
    attempts, orders = await tx.all(
        (
            CHECKS.stuck_attempts,
            key
            | {
                "in_doubt_before": now - watch.in_doubt_after,
                "pending_before": now - watch.pending_after,
                "overstayed_before": now - watch.overstayed_after,
            },
        ),
        (
            CHECKS.stuck_orders,
            # The job that closes them runs every hour; twice that is given to it.
            key
            | {"waiting_before": now - watch.waiting_after, "open_before": now - close_after - 2 * timedelta(hours=1)},
        ),
    )
    look, known = found_of(attempts, "stuck_order"), {row.about for row in attempts}
    rest = found_of([row for row in orders if row.about not in known], "stuck_order")
    look.found += rest.found
    look.is_partial = look.is_partial or rest.is_partial or len(orders) > MOST_FOUND
    return look


async def shared_payments(tx: Tx, looking: Looking) -> Look:
    """C18: orders that name one provider payment, imported ones as well. The index of names is walked a stretch at a
    time, account by account; those that were found before are asked about by name.
    """
    look, key = Look(), {"merchant_id": looking.merchant_id}
    accounts = await _accounts_of_attempts(tx, looking.merchant_id)
    found: dict[str, Any] = {}
    provider, account, after = _where(looking.mark, accounts)
    for _ in accounts:
        rows = await tx.rows(
            CHECKS.shared_payments, **key, provider=provider, account=account, after=after, most=MOST_WALKED,
            limit=MOST_FOUND,
        )  # fmt: skip
        found |= {_about(row): row for row in rows}
        if rows and rows[0].walked >= MOST_WALKED:
            look.mark = "|".join((provider, account, rows[0].mark))
            break
        provider, account = accounts[(accounts.index((provider, account)) + 1) % len(accounts)]
        after = _FIRST
        look.mark = "|".join((provider, account, after))
    known = [name.removeprefix("duplicate_reference:").split(":", 2) for name in looking.known_abouts]
    if known:
        providers, names, refs = zip(*known, strict=True)
        again = await tx.rows(CHECKS.sharers, **key, providers=[*providers], accounts=[*names], refs=[*refs])
        found |= {_about(row): row for row in again}
    look.found = [_shared(row) for row in found.values() if row.attempts > 1 and len(row.order_ids) > 1]
    return look


async def _accounts_of_attempts(tx: Tx, merchant_id: str) -> list[tuple[str, str]]:
    """Every account that an attempt names, imported ones as well, by one short read each."""
    found: list[tuple[str, str]] = []
    while True:
        provider, account = found[-1] if found else ("", "")
        row = await tx.one(CHECKS.next_account_of_attempts, merchant_id=merchant_id, provider=provider, account=account)
        if row is None:
            return found
        found.append((row.provider, row.account))


async def held_payouts(tx: Tx, looking: Looking) -> Look:
    """E12: what payees are owed and is held back."""
    rows = await tx.rows(CHECKS.held_payouts, merchant_id=looking.merchant_id, limit=MOST_FOUND + 1)
    return found_of(rows, "payout_held")


async def repeated_processing(tx: Tx, looking: Looking) -> Look:
    """E14: orders whose provider told the same again and again within a day."""
    rows = await tx.rows(
        CHECKS.repeated_processing, merchant_id=looking.merchant_id, from_id=first_at(looking.now - _DAY),
        repeats=looking.watch.repeats, limit=MOST_FOUND + 1,
    )  # fmt: skip
    look = Look(is_partial=len(rows) > MOST_FOUND)
    for row in rows[:MOST_FOUND]:
        says = f"its events were told again {row.repeats} times within a day"
        look.found.append(
            Found("repeated_processing", row.about, {"says": says}, row.order_id, counted=row.repeats)
        )  # fmt: skip
    return look


def _about(row: Any) -> str:
    return f"{row.provider}:{row.account}:{row.handle_ref}"


def _shared(row: Any) -> Found:
    return Found(
        "duplicate_reference", _about(row),
        {"says": f"{row.handle_ref} is named by {row.attempts} attempts of {len(row.order_ids)} orders",
         "provider": row.provider, "account": row.account, "ref": row.handle_ref},
        row.order_ids[0], row.provider, row.money_minor, row.currency, row.attempts, len(row.order_ids),
        tuple(f"order:{each}" for each in row.order_ids[:20]),
    )  # fmt: skip


def _where(mark: str | None, accounts: list[tuple[str, str]]) -> tuple[str, str, str]:
    """Where the walk goes on: in the account of the mark, if that is still there; else in the first one."""
    provider, account, after = (mark or "||").split("|", 2)
    if (provider, account) in accounts:
        return provider, account, after
    return (*(accounts[0] if accounts else ("", "")), _FIRST)
