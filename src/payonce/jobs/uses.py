"""What each job of the timetable does in one batch of one merchant, and what it would take up if it ran now.

Each calls one use case, and says in the timetable's words what came of it. A look reads and calls nobody (S17).
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from payonce.base.ids import ATTEMPT, EFFECT, EVENT, FINDING, ORDER, REFUND, show
from payonce.domain.effect import PAYOUT_DUE
from payonce.jobs.worker import Hand, Ran, Would
from payonce.usecases import alert as alerting
from payonce.usecases.backfill import backfill as read_lists
from payonce.usecases.close_duplicates import served_already
from payonce.usecases.close_orders import close_page, orders_to_close
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.expire_data import count_to_erase, expire_data
from payonce.usecases.list_effects import effects_due
from payonce.usecases.look import Pace
from payonce.usecases.make_payouts import make_payouts, orders_to_free, payees_due
from payonce.usecases.monitor import checks_of
from payonce.usecases.monitor import monitor as run_checks
from payonce.usecases.reconcile import days_due
from payonce.usecases.reconcile import reconcile as reconcile_days
from payonce.usecases.recover_payments import attempts_to_recover, recover_payments
from payonce.usecases.resolve_attempts import attempts_due, resolve_attempts
from payonce.usecases.retry_events import events_due, retry_events
from payonce.usecases.send_refunds import refunds_due, send_refunds
from payonce.usecases.walk_lists import lists_due

# What a look says of an order that is closed silently, because a sibling of it is paid (A2).
DUPLICATE: Final = ", a duplicate: closed silently"


async def deliver(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Deliver effects that are due."""
    delivered = await deliver_effects(hand.world, merchant_id, hand.handlers, at_most, together=hand.together)
    hand.observe("deliver", merchant_id, delivered)
    outcomes = Counter(one.outcome for one in delivered)
    detail = ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items()))
    return Ran(len(delivered), len(delivered), outcomes["accepted"], detail)


async def look_deliver(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The effects that are due."""
    due = await effects_due(hand.world, merchant_id, at_most)
    told = sum(effect.nature == "notification" for effect in due)
    return Would([f"{show(EFFECT, each.id)} {each.kind} of {show(ORDER, each.order_id)}" for each in due], told)


async def refund(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Send refunds that are due, and follow those that were sent."""
    did = await send_refunds(hand.world, merchant_id, at_most)
    return Ran(did.taken, did.sent, detail=f"succeeded {did.succeeded}, in doubt {did.in_doubt}, failed {did.failed}")


async def look_refund(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The refunds that are due."""
    due = await refunds_due(hand.world, merchant_id, at_most)
    return Would([f"{show(REFUND, refund_id)} of {show(ORDER, order_id)}" for order_id, refund_id in due])


async def alert(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Tell people of findings that changed."""
    did = await alerting.alert(hand.world, merchant_id, hand.alerting, at_most)
    # Messages go to operators; those that customers get are counted as such.
    return Ran(did.noted, did.begun, detail=f"begun {did.begun}, sent {did.sent}")


async def look_alert(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The findings that changed since they were last told."""
    due = await alerting.changes_to_tell(hand.world, merchant_id, at_most)
    return Would([f"{show(FINDING, each.finding_id)} {each.kind}, {each.changed_as}" for each in due])


async def retry(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Try stored events again."""
    did = await retry_events(hand.world, merchant_id, at_most)
    return Ran(did.tried, did.applied, detail=f"failed {did.failed}, quarantined {did.quarantined}")


async def look_retry(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The events that are due."""
    return Would([show(EVENT, event_id) for event_id in await events_due(hand.world, merchant_id, at_most)])


async def resolve(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Ask providers about attempts."""
    did = await resolve_attempts(hand.world, merchant_id, at_most)
    changed = did.settled + did.closed + did.duplicates
    detail = f"settled {did.settled}, silent {did.silent}, duplicates {did.duplicates}"
    return Ran(did.asked + did.duplicates, changed, detail=detail)


async def look_resolve(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The attempts to ask about."""
    due = await attempts_due(hand.world, merchant_id, at_most)
    silent = await served_already(hand.world, merchant_id, [order for order, _, _ in due])
    rows = [
        f"{show(ATTEMPT, attempt)} of {show(ORDER, order)}{DUPLICATE * (order in silent)}" for order, attempt, _ in due
    ]
    return Would(rows, _told(hand, "order.paid", len({order for order, _, _ in due} - silent)))


async def payout(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Make payouts, and free or hold what they are made of."""
    did = await make_payouts(hand.world, merchant_id, at_most)
    return Ran(did.payees, did.made + did.freed + did.held, detail=f"made {did.made}, freed {did.freed}")


async def look_payout(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The shares that are held back no longer, and the payees whose payout is due where anybody would be told."""
    free = await orders_to_free(hand.world, merchant_id, at_most)
    is_told = any(kind.is_owed_on(PAYOUT_DUE) for kind in hand.world.kinds)
    due = await payees_due(hand.world, merchant_id, at_most) if is_told else []
    freed = [f"shares of {show(ORDER, order_id)} are free" for order_id in free]
    return Would([*freed, *(f"payout of {row.currency} to {row.payee}" for row in due)])


async def backfill(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Read the providers' lists on; pages are what a batch is bounded by, and new entries are what it took up."""
    did = await read_lists(hand.world, merchant_id, at_most)
    detail = f"pages {did.pages}, other people's {did.others}, silent {did.silent}"
    return Ran(did.new, did.applied + did.closed, detail=detail, has_more=did.is_behind)


async def look_backfill(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The lists to read, and from when on."""
    return Would(
        [
            f"{each.name} of {each.account} from {each.since:%Y-%m-%d %H:%M:%S}"
            for each in await lists_due(hand.world, merchant_id)
        ]
    )


async def recover(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Look for payments that were not recorded: in lists, and one by one where there is none."""
    did = await recover_payments(hand.world, merchant_id, at_most)
    changed = did.lists.applied + did.lists.closed + did.asked.settled + did.asked.closed
    detail = f"pages {did.lists.pages}, asked {did.asked.asked}, silent {did.lists.silent + did.asked.silent}"
    has_more = did.lists.is_behind or did.asked.asked >= at_most
    return Ran(did.lists.new + did.asked.asked, changed, detail=detail, has_more=has_more)


async def look_recover(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The lists to read, and the attempts to ask about."""
    lists = await look_backfill(hand, merchant_id, at_most)
    due = await attempts_to_recover(hand.world, merchant_id, at_most)
    return Would([*lists.rows, *(f"{show(ATTEMPT, attempt)} of {show(ORDER, order)}" for order, attempt, _ in due)])


async def close(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Close the next page of old orders. Those that cannot be closed now stay behind, until the next run."""
    run = hand.world.run
    after = run.bookmarks.get(merchant_id) if run is not None else None
    did = await close_page(hand.world, merchant_id, at_most, after)
    if run is not None and did.last is not None:
        run.bookmarks[merchant_id] = did.last
    return Ran(did.looked_at, did.closed, detail=f"left {did.left}")


async def look_close(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The orders to close."""
    due = await orders_to_close(hand.world, merchant_id, at_most)
    silent = await served_already(hand.world, merchant_id, due)
    rows = [f"{show(ORDER, order_id)}{DUPLICATE * (order_id in silent)}" for order_id in due]
    return Would(rows, _told(hand, "order.closed", len(set(due) - silent)))


async def expire(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Erase personal data that is old."""
    did = await expire_data(hand.world, merchant_id, at_most)
    detail = f"payers {did.payers}, evidence {did.evidence}, bodies {did.bodies}"
    detail += f", repeats {did.repeats}, counts {did.counts}, receipts {did.receipts}"
    return Ran(did.rows, did.rows, detail=detail)


async def look_expire(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """How many rows of each kind are due."""
    due = await count_to_erase(hand.world, merchant_id)
    said = (
        ("payers", due.payers),
        ("calls", due.evidence),
        ("raw bodies of events", due.bodies),
        ("repetitions of events", due.repeats),
        ("counts of checkouts", due.counts),
        ("receipts", due.receipts),
    )
    return Would([f"{count} {what}" for what, count in said if count])


async def reconcile(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Compare days of accounts with the provider's own money records."""
    did = await reconcile_days(hand.world, merchant_id, at_most)
    # Batches that wait for a provider that gave no answer are no reason to begin again at once.
    taken = at_most if did.more else min(did.batches, at_most - 1)
    return Ran(taken, did.settled, detail=f"days {len(did.days)}, found {did.found}, silent {len(did.silent)}")


async def look_reconcile(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The days that are due."""
    due = await days_due(hand.world, merchant_id)
    return Would([f"{key.provider}/{key.account} {key.day}" for key in due[:at_most]])


async def monitor(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Look for what is stuck, shared, repeated, silent or broken."""
    return await _monitor(hand, merchant_id, "monitor")


async def look_monitor(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The checks that would look."""
    return Would([check.name for check in checks_of("monitor")])


async def watch(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Look at what cannot wait for half an hour."""
    return await _monitor(hand, merchant_id, "watch")


async def look_watch(hand: Hand, merchant_id: str, at_most: int) -> Would:
    """The checks that would look."""
    return Would([check.name for check in checks_of("watch")])


async def _monitor(hand: Hand, merchant_id: str, pace: Pace) -> Ran:
    did = await run_checks(hand.world, merchant_id, pace=pace)
    detail = f"found {did.found}, opened {did.opened}, gone {did.gone}, woken {did.woken}, overdue {did.overdue}"
    if did.failed:
        detail += f", could not look: {', '.join(sorted(did.failed))}"
    return Ran(did.changed, did.changed, detail=detail, has_more=False)


def _told(hand: Hand, occasion: str, orders: int) -> int:
    """How many messages follow at most, if so many orders come to the occasion; nobody asked their provider."""
    kinds = [kind for kind in hand.world.kinds if kind.nature == "notification" and kind.is_owed_on(occasion)]
    return orders * len(kinds)
