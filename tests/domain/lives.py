"""Whole lives of a purpose, drawn at random: clicks, payments, refunds by anybody, disputes, closing, time.

A life is a list of acts. An act that cannot be done as things stand does nothing, so that any list of acts is a life.
After each act the book is recorded and every invariant is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st

from payonce.base.errors import Conflict, Refused
from payonce.domain import checkout, purpose, refunding
from payonce.domain.attempt import Attempt
from payonce.domain.book import AccountFacts, Book, Capture, RefKey, Return, Rules
from payonce.domain.checkout import Ask, Begin, Terms
from payonce.domain.observation import DisputeSeen, Observation, PaymentSeen, Ref, RefundSeen, RefundStatus
from payonce.domain.order import CANCELLED, EXPIRED, SUPERSEDED, Order
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.domain.refund import SAID_NO, Refund
from payonce.domain.refunding import AskPerson, Go, Later, No
from payonce.domain.settling import key_of
from tests.domain.purposes import an_attempt, an_order, deposit, dispute, intent_of, join, new_book, payment, refund
from tests.domain.shelf import Shelf, check, check_start

Act = tuple[Any, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

# One that can do everything, one that cannot send money back, one that can neither do that nor cancel.
ACCOUNTS: Final = (("stripe", "main"), ("stripe", "poor"), ("coins", "main"))
FACTS: Final = {
    ACCOUNTS[0]: AccountFacts(can_close=True, can_refund=True),
    ACCOUNTS[1]: AccountFacts(can_close=True, can_refund=False),
    ACCOUNTS[2]: AccountFacts(can_close=False, can_refund=False),
}
LARGE: Final = 4800

STATUSES: Final = ("open", "action", "asks_again", "pending", "failed", "closed", "unknown")
SOURCES: Final = ("webhook", "poll")
PORTIONS: Final = ("all", "all", "half", "odd", "more")
PLACE: Final = st.integers(0, 3)
ANSWERS: Final = ("pending", "succeeded", "succeeded", "refused", "put_back", "lost", "lost_done")


# How lives begin: with what is most worth to be lived on with. Account 0 can do everything.
BEGINNINGS: Final[tuple[list[Act], ...]] = (
    [("click", 0, "opened")],
    [("click", 0, "opened"), ("pay", 0, "more", "poll")],
    [("click", 0, "paid"), ("deposit", 0, "a", "all", "poll", False)],
    [("click", 0, "opened"), ("pay", 0, "half", "poll"), ("close", EXPIRED)],
    [("click", 0, "opened"), ("pay", 0, "half", "poll"), ("click", 0, "opened")],
    [("click", 0, "opened"), ("close", EXPIRED), ("see", 0, "closed", "poll"), ("pay", 0, "all", "webhook")],
    [("click", 0, "opened"), ("close", CANCELLED), ("see", 0, "closed", "poll"), ("pay", 0, "all", "poll")],
    [("click", 0, "opened"), ("see", 0, "closed", "poll"), ("click", 0, "paid"), ("pay", 1, "all", "poll")],
    [("click", 0, "opened"), ("place", LARGE), ("see", 0, "closed", "poll"), ("click", 0, "opened")],
    [("click", 0, "opened"), ("close", EXPIRED), ("see", 0, "closed", "poll"), ("place", LARGE),
     ("click", 0, "opened"), ("pay", 1, "all", "poll")],
    [("click", 2, "opened"), ("leave",), ("click", 0, "opened"), ("pay", 1, "all", "poll")],
    [("click", 0, "paid"), ("back", 0, "a", "succeeded", "all", "poll", "intent"), ("place", LARGE)],
)  # fmt: skip


def acts() -> st.SearchStrategy[list[Act]]:
    """A beginning, and twenty-five acts more. Shrinking makes nothing of them."""
    told = st.sampled_from(SOURCES)
    work = st.tuples(st.just("work"), PLACE, st.sampled_from(ANSWERS))
    pay = st.tuples(st.just("pay"), PLACE, st.sampled_from(PORTIONS), told)
    click = st.tuples(
        st.just("click"), st.sampled_from([0, 0, 0, 1, 2]), st.sampled_from(["opened", "in_doubt", "paid"])
    )
    echo = st.tuples(st.just("echo"), PLACE, st.sampled_from(["pending", "succeeded", "failed"]), st.booleans())
    one = st.one_of(
        st.just(("wait", 1)), work, work, work, pay, pay, click, echo, echo,
        st.tuples(st.just("deposit"), PLACE, st.sampled_from("ab"), st.sampled_from(PORTIONS), told, st.booleans()),
        st.tuples(st.just("see"), PLACE, st.sampled_from(STATUSES), told),
        st.tuples(st.just("back"), PLACE, st.sampled_from("ab"),
                  st.sampled_from(["unknown", "pending", "succeeded", "succeeded", "failed"]),
                  st.sampled_from(PORTIONS), told, st.sampled_from(["intent", "intent", "deposit", "charge"])),
        st.tuples(st.just("dispute"), PLACE, st.sampled_from(["unknown", "warning", "ended", "open", "lost", "won"]),
                  st.sampled_from(PORTIONS), told),
        st.tuples(st.just("person"), PLACE, st.sampled_from(["approve", "approve", "cancel"])),
        st.tuples(st.just("ask"), st.sampled_from(["surplus", "order"]), st.booleans()),
        st.tuples(st.just("close"), st.sampled_from([EXPIRED, EXPIRED, CANCELLED])),
        st.tuples(st.just("place"), st.sampled_from([4500, LARGE, 5000])),
        st.tuples(st.just("leave")),
        st.tuples(st.just("wait"), st.sampled_from([1, 25, 100, 800])),
        st.tuples(st.just("read")),
    )  # fmt: skip
    return st.builds(list.__add__, st.sampled_from(BEGINNINGS), st.lists(one, min_size=25, max_size=25))


def policies() -> st.SearchStrategy[SurplusPolicy]:
    """Every combination of answers; a limit that some refunds are above."""
    answer = st.sampled_from(["refund", "refund", "hold"])
    late = st.sampled_from(["revive", "revive", "refund", "hold"])
    limits = {"USD": LARGE - 1}
    return st.builds(
        SurplusPolicy, second=answer, over=answer, late=late, late_else=answer, unfinished=answer,
        refund_at_most_minor=st.just(limits), refund_a_day_minor=st.just(limits),
    )  # fmt: skip


class Life:
    """A purpose that is lived through, and the provider's own record of the refunds that it took on."""

    def __init__(self, policy: SurplusPolicy) -> None:
        order = an_order()
        self.book: Book = new_book(order, rules=Rules(policy, FACTS))
        self.shelf = Shelf()
        self.seen: dict[RefKey, int] = {}
        self.told: list[tuple[UUID, Observation]] = []
        # Our refunds as the provider has them: the status that it would tell.
        self.taken: dict[UUID, str] = {}

    def live(self, act: Act) -> None:
        """Do one act, record it, and check everything."""
        getattr(self, f"_{act[0]}")(*act[1:])
        self.settle_down()

    def settle_down(self) -> None:
        """Draw conclusions, record, check; and nothing follows a second time."""
        purpose.reconsider(self.book)
        self._record()
        purpose.reconsider(self.book)
        book = self.book
        assert not any((
            book.steps, book.entries, book.settlements, book.changed_orders, book.changed_attempts,
            book.changed_captures, book.changed_returns, book.changed_refunds, book.new_refs,
            list(book.findings),
            book.resolved & self.shelf.open_findings.keys(),
            {effect.key for effect in book.effects} - self.shelf.effects,
        ))  # fmt: skip
        book.clear()

    def _record(self) -> None:
        self.shelf.record(self.book)
        check(self.book, self.shelf, self.seen)
        # S20: what is owed for a paid order is owed once.
        owed = {f"{order.id.hex}:paid:invite" for order in self.book.orders.values() if order.state == "paid"}
        assert owed == {key for key in self.shelf.effects if key.endswith(":paid:invite")}

    def tell(self, attempt: Attempt, observation: Observation) -> None:
        """Join what is seen of the attempt, and remember it."""
        seen = observation.seen
        if isinstance(seen, PaymentSeen) and seen.capture is not None and seen.captured_minor:
            key = key_of(observation, seen.capture)
            self.seen[key] = max(self.seen.get(key, 0), seen.captured_minor)
        self.told.append((attempt.id, observation))
        join(self.book, attempt, observation)

    def attempt(self, place: int) -> Attempt | None:
        """One of the attempts, the newest first."""
        attempts = list(self.book.attempts.values())
        return attempts[-1 - place % len(attempts)] if attempts else None

    def order(self) -> Order:
        """The order that a payer means: the newest."""
        return self.book.newest()

    # What payers do.

    def _click(self, account: int, then: str) -> None:
        book, order = self.book, self.order()
        provider, name = ACCOUNTS[account]
        terms = Terms(provider, name, "payment_intent", timedelta(hours=24))
        step = checkout.next_step(book, order, terms, Policy())
        if isinstance(step, Begin):
            self.begin(step, provider, name, then)
        elif isinstance(step, Ask):
            self._answer(step.attempt, step.verb)

    def begin(self, step: Begin, provider: str, account: str, then: str) -> None:
        """Store the attempt that the guard allows, and let the provider answer its create, or not."""
        # S7
        others = [a for a in self.book.attempts.values() if a.order_id == step.order.id]
        assert not any(a.is_live for a in self.book.attempts.values())
        assert step.number == 1 + max((a.number for a in others), default=0)
        attempt = an_attempt(
            step.order, step.number, "creating", provider=provider, account=account, amount_minor=step.amount_minor
        )
        self.book.attempts[attempt.id] = attempt
        if then == "in_doubt":
            self.book.move_attempt(attempt, "unanswered")
        else:
            self._created(attempt)
        if then == "paid":
            self.tell(attempt, payment(attempt))

    def _created(self, attempt: Attempt) -> None:
        ref = intent_of(attempt)
        if self.book.move_attempt(attempt, "created"):
            attempt.handle_kind, attempt.handle_ref, attempt.client_secret = ref.kind, ref.id, "secret"
            attempt.disclosed_at = attempt.opened_at = self.book.now

    def _answer(self, attempt: Attempt, verb: str) -> None:
        attempt.lease_until = None
        if verb in ("repeat", "find"):
            self._created(attempt)
        else:
            self.tell(attempt, payment(attempt, "closed" if verb == "close" else "open", 0, source="poll"))

    def _leave(self) -> None:
        live = self.book.live_attempt()
        if live is not None and live.state == "open" and not purpose.is_closable(self.book, live):
            live.consent_at = self.book.now
            self.book.move_attempt(live, "abandoned")

    # What providers tell.

    def _amount(self, attempt: Attempt, portion: str) -> int:
        whole = attempt.amount_minor
        return {"all": whole, "half": max(1, whole // 2), "odd": 7, "more": whole + 700}[portion]

    def _pay(self, place: int, portion: str, source: Any) -> None:
        attempt = self.attempt(place)
        if attempt is not None:
            self.tell(attempt, payment(attempt, "paid", self._amount(attempt, portion), source=source))

    def _deposit(self, place: int, name: str, portion: str, source: Any, is_other: bool) -> None:
        attempt = self.attempt(place)
        if attempt is not None:
            currency = "EUR" if is_other else "USD"
            name = f"{name}_{currency}"
            amount = self._amount(attempt, portion)
            self.tell(attempt, deposit(attempt, name, amount, source=source, currency=currency))

    def _see(self, place: int, status: Any, source: Any) -> None:
        attempt = self.attempt(place)
        if attempt is not None:
            self.tell(attempt, payment(attempt, status, 0, source=source))

    def _back(self, place: int, name: str, status: Any, portion: str, source: Any, of: str) -> None:
        attempt = self.attempt(place)
        if attempt is None:
            return
        intent = intent_of(attempt)
        named = {"intent": intent, "deposit": Ref("payment", f"{intent.id}_a_USD"), "charge": Ref("charge", intent.id)}
        name, amount = f"{attempt.id.hex[-20:]}_{name}_{of}", self._amount(attempt, portion)
        self.tell(attempt, refund(attempt, name, status, amount, source, capture=named[of]))

    def _dispute(self, place: int, status: Any, portion: str, source: Any) -> None:
        attempt = self.attempt(place)
        if attempt is not None:
            self.tell(attempt, dispute(attempt, attempt.id.hex[-20:], status, self._amount(attempt, portion), source))

    def _read(self) -> None:
        for capture in list(self.book.captures.values()):
            self.confirm(capture.key)

    def confirm(self, key: RefKey) -> None:
        """Read the capture at its provider: the money that it brought, as a poll."""
        capture = self.book.captures[key]
        attempt, ref = self.book.attempts[capture.attempt_id], Ref(key.kind, key.id)
        seen = PaymentSeen(ref, "paid", attempt.id, ref, capture.captured_minor, None, capture.currency)
        self.tell(attempt, Observation(key.provider, key.account, "poll", seen, live_mode=False))

    # What becomes of our refunds.

    def refund(self, place: int) -> Refund | None:
        """One of our refunds, the newest first."""
        refunds = list(self.book.refunds.values())
        return refunds[-1 - place % len(refunds)] if refunds else None

    def _work(self, place: int, answer: str) -> None:
        now = self.book.now
        due = [one for one in self.book.refunds.values() if one.due_at is not None and one.due_at <= now]
        if due:
            self.send(due[place % len(due)], answer)

    def send(self, refund_: Refund, answer: str) -> None:
        """Do what the refund worker does with a refund that is due."""
        book = self.book
        for capture in list(book.captures.values()):
            self.confirm(capture.key)
        if refund_.state not in ("due", "in_doubt"):
            return
        verdict = refunding.may_send(book, refund_)
        if refund_.state == "in_doubt" and isinstance(verdict, Later | No):
            return
        if isinstance(verdict, Later):
            refund_.due_at = verdict.until
        elif isinstance(verdict, No):
            refunding.cancel(book, refund_, verdict.why)
        elif isinstance(verdict, AskPerson) and refund_.state == "due":
            refunding.plan_too_large(book, refund_, verdict.why)
        elif isinstance(verdict, Go):
            refunding.move(book, refund_, "begun")
            check_start(book, refund_)
            self._record()
            self._sent(refund_, answer)

    def _sent(self, refund_: Refund, answer: str) -> None:
        if refund_.id in self.taken:
            # The same key: the provider answers what became of the first sending.
            answer = self.taken[refund_.id]
        if answer == "put_back":
            refunding.move(self.book, refund_, "put_back")
        elif answer.startswith("lost"):
            refunding.move(self.book, refund_, "unanswered")
            refund_.due_at = self.book.now + timedelta(minutes=1)
        if answer == "refused":
            refunding.told(self.book, refund_, "failed", "refused")
        elif answer == "lost_done":
            self.taken[refund_.id] = "succeeded"
        elif answer in ("pending", "succeeded", "failed"):
            self.taken[refund_.id] = answer
            self.echo(refund_, answer, is_marked=True)

    def _echo(self, place: int, status: str, is_marked: bool) -> None:
        refund_ = self.refund(place)
        if refund_ is not None and refund_.id in self.taken:
            ranks = {"pending": 1, "succeeded": 2, "failed": 3}
            # The provider goes on, and tells sometimes of how it was before.
            self.taken[refund_.id] = max(self.taken[refund_.id], status, key=lambda one: ranks[one])
            self.echo(refund_, status, is_marked=is_marked)

    def echo(self, refund_: Refund, status: Any, *, is_marked: bool) -> None:
        """The provider tells of a refund of ours, with our mark or without."""
        attempt, of = self.book.attempts[refund_.attempt_id], Ref(refund_.capture.kind, refund_.capture.id)
        ours = refund_.id if is_marked else None
        self.tell(
            attempt,
            refund(attempt, f"ours_{refund_.id.hex}", status, refund_.amount_minor, "poll", capture=of, ours=ours),
        )

    def _person(self, place: int, word: str) -> None:
        refund_ = self.refund(place)
        if refund_ is not None and refund_.state == "planned":
            if word == "approve":
                refunding.approve(self.book, refund_, "ann")
            else:
                refunding.cancel(self.book, refund_, f"{SAID_NO}keep it")

    def _ask(self, of: Any, is_whole: bool) -> None:
        try:
            refunding.ask(self.book, self.order(), None if is_whole else 5, of, "wanted", "ann")
        except (Conflict, Refused):
            pass

    # What merchants and time do.

    def _close(self, reason: str) -> None:
        book, order = self.book, self.book.holder() or self.book.waiting()
        if order is None or order.state == "paid":
            return
        if order.state == "waiting":
            purpose.close_order(book, order, reason)
            return
        live = book.live_attempt()
        busy = book.is_contested or (live is not None and live.state == "pending")
        if order.close_because is None and not (reason == EXPIRED and busy):
            self.mark(order, reason)

    def mark(self, order: Order, reason: str) -> None:
        """Mark the open order as one to be closed."""
        order.close_because = reason
        self.book.touch_order(order)
        for attempt in self.book.attempts_of(order):
            purpose.want_close(self.book, attempt, reason)

    def _place(self, amount: int) -> None:
        book, holder = self.book, self.book.holder()
        paid = book.paid()
        if paid is not None:
            back = sum(book.order_back(c, for_good=True) for c in book.captures.values() if c.order_id == paid.id)
            if back < paid.amount_minor:
                return
            paid.released_at = book.now
            book.touch_order(paid)
            holder = None
        live = book.live_attempt()
        if holder is not None:
            if holder.allocated_minor or (live is not None and not purpose.is_closable(book, live)):
                return
            self.mark(holder, SUPERSEDED)
        waiting = book.waiting()
        if waiting is not None:
            purpose.close_order(book, waiting, SUPERSEDED)
        free = book.holder() is None and book.live_attempt() is None and not book.is_contested
        number = 1 + len(book.orders)
        order = an_order(number, "open" if free else "waiting", amount, created_at=book.now)
        book.orders[order.id] = order

    def _wait(self, hours: int) -> None:
        self.book.now += timedelta(hours=hours)

    # The end.

    def quiet(self) -> None:
        """Everything ends at the providers, everything is told, persons approve, and the worker runs until nothing is
        due.
        """
        for back in list(self.book.returns.values()):
            if back.refund_id is None:
                self._ends(back)
        live = self.book.live_attempt()
        if live is not None:
            self.tell(live, payment(live, "closed", 0, source="poll"))
        self._read()
        self.settle_down()
        for _ in range(12):
            self.book.now += timedelta(days=2)
            for refund_ in list(self.book.refunds.values()):
                self._go_on(refund_)
                self.settle_down()
        assert self.book.live_attempt() is None
        for capture in list(self.book.captures.values()):
            self._check_rest(capture)

    def _ends(self, back: Return) -> None:
        attempt, of = self.book.attempts[back.attempt_id], Ref(back.capture.kind, back.capture.id)
        ref = Ref(back.key.kind, back.key.id)
        seen: RefundSeen | DisputeSeen = DisputeSeen(ref, "won", of, back.amount_minor, back.currency)
        if back.nature == "refund":
            status: RefundStatus = "failed" if back.status in ("unknown", "failed") else "succeeded"
            seen = RefundSeen(ref, status, of, back.amount_minor, back.currency)
        self.tell(attempt, Observation(back.key.provider, back.key.account, "poll", seen, live_mode=False))

    def _go_on(self, refund_: Refund) -> None:
        if refund_.state == "planned":
            refunding.approve(self.book, refund_, "ann")
        if refund_.state in ("due", "in_doubt") and refund_.due_at is not None and refund_.due_at <= self.book.now:
            self.send(refund_, "succeeded")
        if refund_.state == "in_doubt" and refund_.id not in self.taken:
            # It may not be sent again, and the provider knows of none: a person says that it was not done.
            refunding.told(self.book, refund_, "failed", "not there")
        if refund_.id in self.taken and refund_.state in ("sent", "in_doubt", "cancelled"):
            status = "succeeded" if self.taken[refund_.id] == "pending" else self.taken[refund_.id]
            self.taken[refund_.id] = status
            self.echo(refund_, status, is_marked=True)

    def _check_rest(self, capture: Capture) -> None:
        """Money that neither serves nor went back is held for a reason of somebody or of its provider."""
        book, policy = self.book, self.book.rules.surplus
        order, refunds = book.orders[capture.order_id], book.refunds_of(capture)
        # A refund of one part of a payment waits until a person decided about the other one.
        stuck = {"sending", "in_doubt", "sent"} | (set() if capture.held_minor else {"due"})
        assert not any(refund_.state in stuck for refund_ in refunds)
        decided = "hold" in (policy.second, policy.over, policy.late, policy.late_else, policy.unfinished)
        refused = not FACTS[capture.key.provider, capture.key.account].can_refund
        said_no = any((refund_.decline or "").startswith(SAID_NO) for refund_ in refunds)
        failed = sum(refund_.state == "failed" for refund_ in refunds) >= policy.refund_rows
        if not (decided or refused or said_no or failed or capture.currency != order.currency):
            surplus = capture.surplus_minor - book.surplus_back(capture)
            assert (capture.held_minor, surplus) == (0, 0), capture
