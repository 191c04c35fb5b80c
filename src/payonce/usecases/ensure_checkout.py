"""Ensure that an order can be paid, through at most one payable object at the provider. Every way to pay comes
through here.

The attempt is stored before the call, with its key and its bytes; the answer is recorded before anybody gets it.
Nothing is
cancelled in an error handler: when recording fails, the attempt stays in doubt, the caller is told to try again, and
whoever
comes next repeats the same bytes with the same key, or looks (X3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from payonce.base.clock import Clock
from payonce.base.errors import Bug, ensure
from payonce.domain import checkout, purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, RefKey
from payonce.domain.checkout import Ask, Begin, Dead, Hold, Offer, Paid, Step, Terms, Wait
from payonce.domain.order import Order
from payonce.providers import contract
from payonce.providers.contract import Call, Done, NotDone, Outcome, Unknown
from payonce.providers.gateway import ProviderLooker
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases import attend, join_answers
from payonce.usecases.answers import AlreadyPaid, Checkout, CheckoutAnswer, Gone, InProgress, ProviderRefused, Silent
from payonce.usecases.choose_account import first_that_takes, offers, refuse_unpayable, terms_for
from payonce.usecases.decide_cases import decide_case
from payonce.usecases.leave_attempt import can_leave, leave_attempt
from payonce.usecases.new_attempts import NewAttempt
from payonce.usecases.receipts import Receipt
from payonce.usecases.together import Case, Drafts
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
# Each step ends with an answer or with a changed book. The longest honest way (repeat, read, close, read, create) takes
# six; more means that the provider and we keep disagreeing, and the caller is told to come back.
MOST_STEPS: Final = 12
# By this an attempt is made; whoever takes it over has a later one.
FIRST_FENCE: Final = 1
# How long one waits between two looks at another caller's attempt, at first and at most.
FIRST_LOOK_SECONDS: Final = 0.02
LONGEST_LOOK_SECONDS: Final = 0.5
SILENT_RETRY_SECONDS: Final = 5.0
# How long what ended is asked about at a provider where money still comes afterwards.
WATCHED_FOR: Final = timedelta(days=30)
# Everybody has an answer within a minute, and the last step may take two calls of 20 s: none begins later than this.
LAST_STEP: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Click:
    """How somebody wants to pay; what is left out is chosen by configuration."""

    provider: str | None = None
    account: str | None = None
    flow: str | None = None
    after_attempt: int | None = None
    # The number of an attempt of which the payer expressly says that nothing was sent, to pay another way.
    leave_attempt: int | None = None


async def ensure_checkout(world: World, merchant_id: str, order_id: UUID, click: Click | None = None) -> CheckoutAnswer:
    """A payable attempt of the order, or why there is none now. Safe to call any number of times at once.

    Raises Refused `order_unknown`, `provider_unknown`, `flow_unknown`, `amount_not_payable`; Unavailable
    `store_unavailable` when the database fails (B6): then nothing was given out, and what the provider may have made
    is found again.
    """
    wish = click or Click()
    terms = offers(
        world, merchant_id, provider=wish.provider, account=wish.account, flow=wish.flow,
        after_attempt=wish.after_attempt,
    )  # fmt: skip
    if wish.leave_attempt is not None and not await leave_attempt(world, merchant_id, order_id, wish.leave_attempt):
        return Silent(order_id, "provider_silent", SILENT_RETRY_SECONDS)
    patience = _Patience(world.clock, world.policy_of(merchant_id).longest_wait)
    for _ in range(MOST_STEPS):
        if patience.is_over:
            return Silent(order_id, "provider_silent", SILENT_RETRY_SECONDS)
        step = await _decide(world, merchant_id, order_id, terms)
        while isinstance(step, Wait) and patience.left and not patience.is_over:
            await world.clock.sleep(patience.next_look())
            step = await _decide(world, merchant_id, order_id, terms)
        if isinstance(step, Wait):
            return Silent(order_id, "checkout_busy", SILENT_RETRY_SECONDS)
        answer = await _act(world, merchant_id, order_id, step)
        if isinstance(answer, Silent) and patience.forgives():
            # One more try at once: most failures pass, and the same key makes the same object.
            continue
        if answer is not None:
            return _with_hint(answer, wish)
    return Silent(order_id, "checkout_busy", SILENT_RETRY_SECONDS)


def _with_hint(answer: CheckoutAnswer, wish: Click) -> CheckoutAnswer:
    """The answer, with a word about why it is not what was wished: its provider cannot cancel what was begun."""
    if not isinstance(answer, Checkout):
        return answer
    asked = ((wish.provider, answer.provider), (wish.account, answer.account), (wish.flow, answer.flow))
    if all(it in (None, has) for it, has in asked):
        return answer
    begun = f"The order is being paid through {answer.provider} already ({answer.flow}, attempt {answer.number})"
    if not answer.can_leave:
        return replace(answer, hint=f"{begun}, and that could not be closed now. Try again later.")
    return replace(
        answer,
        hint=f"{begun}, which cannot cancel it. Once the payer says that nothing was sent, ask again with "
        f"leave_attempt: {answer.number}.",
    )


class _Patience:
    """How long a click may take: it waits for another one's call with growing pauses, forgives one silence, and begins
    nothing whose end would be too late.
    """

    def __init__(self, clock: Clock, longest: timedelta) -> None:
        self._clock, self._began = clock, clock.now()
        self._left = min(longest, LAST_STEP).total_seconds()
        self._look = FIRST_LOOK_SECONDS
        self._silences = 0

    @property
    def is_over(self) -> bool:
        return self._clock.now() - self._began > LAST_STEP

    @property
    def left(self) -> bool:
        return self._left > 0

    def next_look(self) -> float:
        look = min(self._look, self._left)
        self._left -= look
        self._look = min(self._look * 1.5, LONGEST_LOOK_SECONDS)
        return look

    def forgives(self) -> bool:
        self._silences += 1
        return self._silences == 1 and not self.is_over


@dataclass(frozen=True, slots=True)
class _Began:
    """An attempt was stored, with this exact call; whoever stored it makes the call."""

    attempt: Attempt
    call: Call


async def _act(
    world: World, merchant_id: str, order_id: UUID, step: Step | _Began | CheckoutAnswer
) -> CheckoutAnswer | None:
    """Do what the step asks for at the provider; None where the guard must look at the book again."""
    if isinstance(step, _Began):
        return await _create(world, merchant_id, step.attempt, step.call)
    if isinstance(step, Ask):
        return await _ask(world, merchant_id, order_id, step)
    ensure(not isinstance(step, Paid | Hold | Dead | Offer | Begin | Wait), "a step was not answered")
    return step  # type: ignore[return-value]


async def _decide(
    world: World, merchant_id: str, order_id: UUID, offered: Sequence[Terms]
) -> Ask | Wait | _Began | CheckoutAnswer:
    """One step of the guard, recorded; its answer where it is one. "Done already" is said only after a write."""
    receipt, attempt_id = world.ids.new(), world.ids.new()

    async def decide(tx: Tx, book: Book, order: Order, drafts: Drafts) -> Ask | Wait | _Began | CheckoutAnswer:
        mine = book.attempts.get(attempt_id)
        if mine is not None and mine.state == "creating" and mine.fence == FIRST_FENCE:
            # The COMMIT of an earlier run was not confirmed and had happened; nobody took the attempt over since.
            return _Began(replace(mine), await stored_call(tx, merchant_id, mine))
        step = checkout.next_step(book, order, terms_for(world, offered, book), world.policy_of(merchant_id))
        if isinstance(step, Begin) and mine is not None:
            # It came to nothing while this click was held up; its next look begins another one, with an id of its own.
            return Wait(mine)
        if isinstance(step, Begin):
            amount_minor, currency = step.amount_minor, step.order.currency
            refuse_unpayable(world, [(each.provider, each.account) for each in offered], amount_minor, currency)
            terms = first_that_takes(world, offered, amount_minor, currency)
            if terms is None:
                raise Bug("an account took the amount, and none was found that does")
            return _begin(world, book, step, terms, attempt_id, await _facts(tx, book, step, drafts), drafts)
        if isinstance(step, Ask):
            # As it is leased now: what is decided after it in the same transaction is another caller's.
            return replace(step, attempt=replace(step.attempt))
        if isinstance(step, Wait):
            return step
        drafts.receipts.append(Receipt(receipt, order_id, type(step).__name__.lower()))
        return _answer(world, step, order_id, book)

    case = Case(order_id, "checkout", receipt, decide)
    return await decide_case(world, merchant_id, case, occasion="checkout")


def _answer(world: World, step: Paid | Hold | Dead | Offer, order_id: UUID, book: Book) -> CheckoutAnswer:
    if isinstance(step, Paid):
        by = next(
            (a.provider for a in book.attempts.values() if a.order_id == step.order.id and a.state == "paid"), None
        )
        paid_at = step.order.paid_at or book.now
        return AlreadyPaid(step.order.id, paid_at, by, step.order.released_at is not None)
    if isinstance(step, Hold):
        return InProgress(order_id, step.reason, step.retry.total_seconds())
    if isinstance(step, Dead):
        return Gone(order_id, step.reason)
    return _offer(world, step.attempt, "reused")


def _offer(world: World, attempt: Attempt, outcome: Literal["new", "reused", "replaced"]) -> Checkout:
    return Checkout(
        attempt.order_id, attempt.id, attempt.flow, attempt.client_secret, attempt.url, attempt.provider,
        attempt.handle_ref, outcome, attempt.expires_at, attempt.account, attempt.number, attempt.instructions,
        can_leave(world, attempt.provider, attempt.account),
    )  # fmt: skip


async def _facts(tx: Tx, book: Book, begin: Begin, drafts: Drafts) -> Row:
    """What the request is made from: of the order that was clicked, or of the newest one that the click leads to."""
    found = drafts.facts.get(begin.order.id)
    if found is None:
        asked = {"merchant_id": book.merchant_id, "order_ids": [begin.order.id]}
        found = await tx.one(ORDERS.checkout_facts, **asked)
    if found is None:
        raise Bug("an order vanished under its lock")
    return found


def _begin(
    world: World, book: Book, begin: Begin, terms: Terms, attempt_id: UUID, facts: Row, drafts: Drafts
) -> _Began:  # fmt: skip
    """Store the attempt, with the exact bytes of its request, before anybody is called."""
    order, till = begin.order, world.till(terms.provider, terms.account)
    policy = world.policy_of(book.merchant_id)
    shortest = timedelta(seconds=till.capabilities.shortest_session_seconds or 0)
    lives = max(policy.stale_after, shortest) + policy.session_slack
    expires_at = book.now + lives if terms.flow in till.capabilities.expiring_flows else None
    ask = contract.Ask(
        attempt_id, order.id, terms.flow, begin.amount_minor, order.currency, facts.reference, facts.success_url,
        facts.cancel_url, facts.email, expires_at, book.now, world.callback_url(terms.provider, terms.account),
        order.payer_reference,
    )  # fmt: skip
    call = till.prepare(ask)
    own = till.own_ref(call)
    handle = (own.kind, own.id) if own is not None else (None, None)
    watch = book.now + WATCHED_FOR if till.capabilities.pays_after_end else None
    attempt = Attempt(
        id=attempt_id, order_id=order.id, purpose=order.purpose, number=begin.number, provider=terms.provider,
        account=terms.account, flow=terms.flow, state="creating", amount_minor=begin.amount_minor,
        currency=order.currency, fence=FIRST_FENCE, lease_until=book.now + policy.lease,
        handle_kind=handle[0], handle_ref=handle[1],
        url=None, client_secret=None, expires_at=expires_at, disclosed_at=None, consent_at=None, close_because=None,
        decline=None, needs_action=False, created_at=book.now, opened_at=None, sent_at=book.now, asked_at=None,
        instructions=None, version=1,
    )  # fmt: skip
    drafts.attempts.append(NewAttempt(attempt, call, watch))
    # Whoever clicks in the same moment finds it in the book, as it will be found by whoever clicks later.
    book.attempts[attempt.id] = attempt
    if own is not None:
        # Its name is known before it is made, so that whatever tells of it is known to be the attempt's.
        book.new_refs.append((RefKey(attempt.provider, attempt.account, own.kind, own.id), attempt.id))
    return _Began(replace(attempt), call)


async def _create(world: World, merchant_id: str, attempt: Attempt, call: Call) -> CheckoutAnswer | None:
    """Call the provider for an attempt that was just stored, and record its answer before anybody gets it."""
    till = world.till(attempt.provider, attempt.account)
    if attempt.lease_until is None or world.clock.now() >= attempt.lease_until:
        # Held up since the attempt was stored: by now another caller may be making it.
        return None
    outcome = await till.create(call)
    if isinstance(outcome, Done) and outcome.replayed:
        outcome = await _as_it_is_now(till, outcome)
    return await _record_created(world, merchant_id, attempt, outcome)


async def _ask(world: World, merchant_id: str, order_id: UUID, ask: Ask) -> CheckoutAnswer | None:
    """Call the provider for an attempt whose lease this click took."""
    attempt = ask.attempt
    if ask.verb == "repeat":
        return await _repeat(world, merchant_id, attempt)
    if ask.verb == "find":
        attended = await attend.find_at_provider(world, merchant_id, attempt)
        # Not found yet, which says nothing so soon: asking again at once would bring the same.
        unresolved = attended.recorded and attended.attempt.state in ("creating", "in_doubt")
        return Silent(order_id, "provider_silent", SILENT_RETRY_SECONDS) if unresolved else None
    if ask.verb == "read":
        await attend.read_at_provider(world, merchant_id, attempt)
        return None
    attended = await attend.close_at_provider(world, merchant_id, attempt)
    found = attended.attempt
    if not attended.recorded or found.state != "closing":
        return None
    usable = found.expires_at is None or found.expires_at > world.clock.now()
    if found.order_id == order_id and found.close_because == "replaced" and found.disclosed_at and usable:
        # The provider is silent or refuses: the payer gets the old session again, and no new one is opened beside it.
        return _offer(world, found, "reused")
    return Silent(order_id, "provider_silent", SILENT_RETRY_SECONDS)


async def _repeat(world: World, merchant_id: str, attempt: Attempt) -> CheckoutAnswer | None:
    """Send the same bytes with the same key again, and read the object before it is used: a replay tells the past."""

    async def load(tx: Tx) -> Call:
        return await stored_call(tx, merchant_id, attempt)

    call = await world.database.transaction(load, name="stored_call", read_only=True)
    till = world.till(attempt.provider, attempt.account)
    outcome = await till.create(call)
    if isinstance(outcome, Done):
        outcome = await _as_it_is_now(till, outcome)
    elif isinstance(outcome, NotDone) and (outcome.may_repeat or outcome.code == "provider_auth"):
        # This sending was not let in, which says nothing of the first one.
        outcome = Unknown(outcome.message, outcome.retry_after_seconds)
    elif isinstance(outcome, NotDone) and till.capabilities.idempotency == "natural":
        # A name that is taken, or too old by now: neither says that the first sending made nothing.
        outcome = Unknown(outcome.message, key_is_spent=True)
    if isinstance(outcome, Unknown) and outcome.key_is_spent:
        attended = await attend.find_at_provider(world, merchant_id, attempt, key_is_spent=True)
        unresolved = attended.recorded and attended.attempt.state in ("creating", "in_doubt")
        return Silent(attempt.order_id, "provider_silent", SILENT_RETRY_SECONDS) if unresolved else None
    answer = await _record_created(world, merchant_id, attempt, outcome)
    # A no to old bytes (their session would end too soon by now) is no answer to this click: the next number asks anew.
    return None if isinstance(answer, ProviderRefused) else answer


async def stored_call(tx: Tx, merchant_id: str, attempt: Attempt) -> Call:
    """The request of an attempt as it was stored before its first sending, byte for byte."""
    row = await tx.one(ORDERS.attempt_request, merchant_id=merchant_id, attempt_id=attempt.id)
    if row is None:
        raise Bug("an attempt vanished under its lease")
    key, body = row.request_key or None, bytes(row.request_body)
    return Call("create", row.request_method, row.request_path, body, key, row.request_version)


async def _as_it_is_now(till: ProviderLooker, made: Done) -> Outcome:
    """What was made, with the handle of the first answer and the state of a fresh read; unknown where it cannot be
    read.
    """
    if made.handle is None:
        return Unknown("the answer names no object")
    read = await till.read(made.handle.ref)
    if isinstance(read, Done):
        return Done(read.observations, read.handle or made.handle, read.body)
    # Also where the read was refused: something was made, whatever a lagging copy or a revoked key says of it now.
    return Unknown(f"what was made could not be read: {read.message if isinstance(read, NotDone) else read.reason}")


async def _record_created(world: World, merchant_id: str, attempt: Attempt, outcome: Outcome) -> CheckoutAnswer | None:
    """Record the answer to a create while the lease is still ours; the handle leaves only after this COMMIT."""

    async def decide(tx: Tx, book: Book, order: Order, drafts: Drafts) -> CheckoutAnswer | None:
        found = book.attempts[attempt.id]
        if found.fence != attempt.fence:
            return None
        found.lease_until = None
        book.touch_attempt(found)
        if isinstance(outcome, Unknown):
            book.move_attempt(found, "unanswered")
            return Silent(order.id, "provider_silent", outcome.retry_after_seconds or SILENT_RETRY_SECONDS)
        if isinstance(outcome, NotDone):
            if not outcome.may_repeat:
                book.move_attempt(found, "refused")
                found.decline = outcome.message[:500]
            purpose.reconsider(book)
            retry = (outcome.retry_after_seconds or SILENT_RETRY_SECONDS) if outcome.may_repeat else None
            return ProviderRefused(order.id, outcome.code, outcome.message, retry)
        join_answers.take_handle(book, found, outcome.handle)
        join_answers.join_observations(book, found, list(outcome.observations))
        if found.state == "open" and found.disclosed_at is not None and found.close_because is None:
            return _offer(world, found, "new" if found.number == 1 else "replaced")
        return None

    case = Case(attempt.order_id, f"created:{attempt.id.hex}", world.ids.new(), decide)
    return await decide_case(world, merchant_id, case, occasion="created")
