"""The book of one purpose: its orders, attempts and money as loaded under lock, and what is decided about them.

A use case loads a book, lets the rules of this floor change it, and records what changed: one statement per table. The
rows that are only ever added are lists here; the rows that are updated are marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.base.errors import ensure
from payonce.domain import attempt as attempts_rules
from payonce.domain import order as order_rules
from payonce.domain import refund as refund_rules
from payonce.domain import reservation as reservation_rules
from payonce.domain.arrow import Machine
from payonce.domain.attempt import Attempt
from payonce.domain.effect import EffectKind
from payonce.domain.finding import Finding
from payonce.domain.ledger import Entry
from payonce.domain.observation import PaidIn
from payonce.domain.observation import RefKey as RefKey
from payonce.domain.order import Order
from payonce.domain.payout import Accrual, Share
from payonce.domain.policy import SurplusPolicy
from payonce.domain.refund import Refund
from payonce.domain.reservation import COUNTED_AS, Reservation, StockItem
from payonce.domain.telling import Running, Telling


@dataclass(slots=True)
class Capture:
    """Money of one provider object: how much came in, how much of it serves an order, how much is decided surplus.

    What is neither is *held*: it awaits a decision, and its purpose is contested until then.
    """

    key: RefKey
    attempt_id: UUID
    order_id: UUID
    currency: str
    captured_minor: int = 0
    allocated_minor: int = 0
    surplus_minor: int = 0
    # Whether a read at the provider, and not only an event, told of the money. What is late waits for that.
    is_confirmed: bool = False
    captured_at: datetime | None = None
    # What the payer really sent, and by which rule it counts as this money.
    paid_in: PaidIn | None = None
    is_new: bool = False

    @property
    def held_minor(self) -> int:
        return self.captured_minor - self.allocated_minor - self.surplus_minor


@dataclass(slots=True)
class Return:
    """A refund or a dispute of a capture, by the provider's reference; joined by the rank of its status."""

    nature: str
    key: RefKey
    capture: RefKey
    attempt_id: UUID
    order_id: UUID
    status: str
    amount_minor: int
    currency: str
    returned_minor: int = 0
    # Our refund that this is the echo of; None: others sent it back.
    refund_id: UUID | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the rules need to know of a provider account: its capabilities, as yes or no."""

    can_close: bool = True
    can_refund: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What a merchant's books are decided by: the policy, and what each provider account can do."""

    surplus: SurplusPolicy = field(default_factory=SurplusPolicy)
    accounts: Mapping[tuple[str, str], AccountFacts] = field(default_factory=dict)
    # By which rule people are told, and the run that decides; none: a request or an event.
    telling: Telling = field(default_factory=Telling)
    run: Running | None = None

    def of(self, provider: str, account: str) -> AccountFacts:
        """What the account can do; of one that is not configured any more: nothing but be read."""
        return self.accounts.get((provider, account), UNKNOWN_ACCOUNT)


UNKNOWN_ACCOUNT: Final = AccountFacts()


@dataclass(frozen=True, slots=True)
class Settlement:
    """The single record that an order was paid, by which attempt and capture (none for an amount of zero)."""

    order_id: UUID
    attempt_id: UUID | None
    capture: RefKey | None
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class OwedEffect:
    """An effect that a state change owes. `key` is unique for ever: order, cause, kind.

    `silent`: why nobody is told of it, so that it is suppressed from the beginning. `because` is what was told or done
    that it follows from, and `happened_at` when that was at the provider, where it says so.
    """

    id: UUID
    key: str
    kind: EffectKind
    occasion: str
    order_id: UUID
    silent: str | None = None
    because: str = ""
    happened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One move along an arrow, for the audit."""

    id: UUID
    subject: str
    subject_id: UUID
    source: str
    event: str
    target: str
    cause: str


@dataclass(slots=True)
class Book:
    """All of one purpose that a decision may look at or change. `cause` names what is being told, for the audit."""

    merchant_id: str
    purpose: str
    now: datetime
    new_id: Callable[[], UUID]
    kinds: Iterable[EffectKind] = ()
    rules: Rules = field(default_factory=Rules)
    cause: str = ""
    # When what is being told happened at the provider, which may be long before it is told; None: it happens now.
    happened_at: datetime | None = None
    orders: dict[UUID, Order] = field(default_factory=dict)
    attempts: dict[UUID, Attempt] = field(default_factory=dict)
    captures: dict[RefKey, Capture] = field(default_factory=dict)
    returns: dict[RefKey, Return] = field(default_factory=dict)
    refunds: dict[UUID, Refund] = field(default_factory=dict)
    refs: dict[RefKey, UUID] = field(default_factory=dict)
    # What its orders ask for, by order and sku; and those items, which all books of a transaction share.
    reservations: dict[tuple[UUID, str], Reservation] = field(default_factory=dict)
    stock: dict[str, StockItem] = field(default_factory=dict)
    # The capture that served its order last: by it an order is settled whose amount is complete.
    last_served: RefKey | None = None
    # What others are to get of its orders, as it was placed, and what became of it since they were paid.
    shares: dict[UUID, tuple[Share, ...]] = field(default_factory=dict)
    accruals: dict[tuple[UUID, str], Accrual] = field(default_factory=dict)
    # What is to be recorded.
    changed_orders: set[UUID] = field(default_factory=set)
    changed_attempts: set[UUID] = field(default_factory=set)
    changed_captures: set[RefKey] = field(default_factory=set)
    changed_returns: set[RefKey] = field(default_factory=set)
    changed_refunds: set[UUID] = field(default_factory=set)
    changed_reservations: set[tuple[UUID, str]] = field(default_factory=set)
    changed_stock: set[str] = field(default_factory=set)
    changed_accruals: set[tuple[UUID, str]] = field(default_factory=set)
    new_refs: list[tuple[RefKey, UUID]] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    effects: list[OwedEffect] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    resolved: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)

    def attempts_of(self, order: Order) -> list[Attempt]:
        """The order's attempts, by number."""
        return sorted((a for a in self.attempts.values() if a.order_id == order.id), key=lambda a: a.number)

    def reservations_of(self, order: Order) -> list[Reservation]:
        """What the order asks for, by sku."""
        mine = (each for each in self.reservations.values() if each.order_id == order.id)
        return sorted(mine, key=lambda each: each.sku)

    def live_attempt(self) -> Attempt | None:
        """The one attempt of the purpose that may be payable. More than one is a broken promise."""
        live = [attempt for attempt in self.attempts.values() if attempt.is_live]
        ensure(len(live) <= 1, f"the purpose {self.purpose!r} has {len(live)} live attempts")
        return live[0] if live else None

    def holder(self) -> Order | None:
        """The order that is open, or paid and not released: at most one."""
        return next((order for order in self.orders.values() if order.holds_purpose), None)

    def paid(self) -> Order | None:
        """The order that the purpose is paid by, or None."""
        holder = self.holder()
        return holder if holder is not None and holder.state == "paid" else None

    def waiting(self) -> Order | None:
        """The order that waits until its predecessor is closed, or None."""
        return next((order for order in self.orders.values() if order.state == "waiting"), None)

    def newest(self) -> Order:
        """The order of the purpose that was placed last."""
        ensure(self.orders, f"the purpose {self.purpose!r} has no order")
        return max(self.orders.values(), key=lambda order: order.id)

    def held(self) -> list[Capture]:
        """Captured money that awaits a decision, oldest capture first as it was recorded."""
        return [capture for capture in self.captures.values() if capture.held_minor > 0]

    @property
    def is_contested(self) -> bool:
        """Whether money awaits a decision while the purpose is not paid: then nothing new may be started."""
        return self.paid() is None and any(capture.held_minor > 0 for capture in self.captures.values())

    def move_order(self, order: Order, event: str) -> None:
        """Take the order along the arrow of `event`. Raises Bug when none is written."""
        target = order_rules.MACHINE.target(order.state, event)
        ensure(target is not None, f"an order that is {order.state} knows no {event}")
        self._step("order", order.id, order.state, event, str(target))
        order.state = str(target)
        self.touch_order(order)

    def move_attempt(self, attempt: Attempt, event: str) -> bool:
        """Take the attempt along the arrow of `event`; False, and nothing changed, when none is written."""
        target = attempts_rules.MACHINE.target(attempt.state, event)
        if target is None:
            return False
        if target != attempt.state:
            if attempt.state == "closing":
                # However it ended, and whoever told: nobody need look any more why it did not.
                self.resolve("stuck_close", attempt.id.hex)
            self._step("attempt", attempt.id, attempt.state, event, target)
            attempt.state = target
            if target == "closing":
                attempt.closing_since = self.now
            self.touch_attempt(attempt)
        return True

    def move_refund(self, refund: Refund, event: str) -> bool:
        """Take the refund along the arrow of `event`; False, and nothing changed, when none is written."""
        target = refund_rules.MACHINE.target(refund.state, event)
        if target is None:
            return False
        self._step("refund", refund.id, refund.state, event, target)
        refund.state = target
        self.touch_refund(refund)
        return True

    def move_reservation(self, reservation: Reservation, event: str) -> None:
        """Take the reservation along the arrow of `event`, and its pieces with it. Raises Bug where none is written,
        or where there are not enough.
        """
        source, target = reservation.state, reservation_rules.MACHINE.target(reservation.state, event)
        ensure(target is not None, f"a reservation that is {source} knows no {event}")
        item = self.stock[reservation.sku]
        item.shift(reservation.quantity, COUNTED_AS[source], COUNTED_AS[str(target)])
        ensure(min(item.free, item.held, item.sold) >= 0, f"more of {item.sku!r} was moved than there is")
        reservation.state = str(target)
        what = f"{reservation.sku} x {reservation.quantity}, {self.cause}"
        self.steps.append(Step(self.new_id(), "reservation", reservation.order_id, source, event, str(target), what))
        self.changed_reservations.add(reservation.key)
        self.changed_stock.add(reservation.sku)

    def step(self, subject: str, subject_id: UUID, machine: Machine, source: str, event: str) -> bool:
        """Note a move along the arrow of `event` for the audit; False when none is written."""
        target = machine.target(source, event)
        if target is not None:
            self._step(subject, subject_id, source, event, target)
        return target is not None

    def touch_refund(self, refund: Refund) -> None:
        """Mark the refund's row as changed."""
        if refund.id not in self.changed_refunds:
            self.changed_refunds.add(refund.id)
            refund.version += 1

    def touch_order(self, order: Order) -> None:
        """Mark the order's row as changed."""
        if order.id not in self.changed_orders:
            self.changed_orders.add(order.id)
            order.version += 1

    def touch_attempt(self, attempt: Attempt) -> None:
        """Mark the attempt's row as changed."""
        if attempt.id not in self.changed_attempts:
            self.changed_attempts.add(attempt.id)
            attempt.version += 1

    def owe(self, occasion: str, order: Order, cause: str, *, silent: str | None = None) -> None:
        """Owe every effect that is declared for the occasion, keyed by order, cause and kind. `silent`: why those that
        only tell are suppressed; what was paid for never is.
        """
        for kind in self.kinds:
            if kind.is_owed_on(occasion):
                self.owe_one(kind, occasion, order.id, f"{order.id.hex}:{cause}:{kind.name}", silent=silent)

    def owe_one(self, kind: EffectKind, occasion: str, order_id: UUID, key: str, *, silent: str | None = None) -> None:
        """Owe one effect. Whether people are told of it is decided here, for all that is owed."""
        why = self.rules.telling.why_silent(kind.nature, silent, self.happened_at, self.now)
        self.effects.append(OwedEffect(self.new_id(), key, kind, occasion, order_id, why, self.cause, self.happened_at))

    def find(self, kind: str, about: str, order: Order | None, money_minor: int = 0, **detail: str) -> None:
        """Write a finding, once per fingerprint: as it is now, whatever was found or resolved of it before."""
        finding = Finding(
            self.new_id(),
            kind,
            about,
            order.id if order else None,
            money_minor,
            order.currency if order else None,
            detail | ({"run": self.rules.run.name} if self.rules.run else {}),
        )
        self.findings = [known for known in self.findings if known.fingerprint != finding.fingerprint]
        self.findings.append(finding)
        self.resolved.discard(finding.fingerprint)

    def resolve(self, kind: str, about: str) -> None:
        """Say that the difference is gone, so that its finding can be closed by itself."""
        fingerprint = f"{kind}:{about}"
        self.findings = [known for known in self.findings if known.fingerprint != fingerprint]
        self.resolved.add(fingerprint)

    def returns_of(self, capture: Capture) -> list[Return]:
        """The refunds and disputes of the capture, by whomever."""
        return [back for back in self.returns.values() if self.capture_of(back) is capture]

    def capture_of(self, back: Return) -> Capture | None:
        """The capture that a refund or a dispute takes money of. One that names another object of the attempt (its
        charge) is of the attempt's first capture. None: its payment was not told yet.
        """
        named = self.captures.get(back.capture)
        mine = (capture for capture in self.captures.values() if capture.attempt_id == back.attempt_id)
        return named if named is not None else next(mine, None)

    def returned_of(self, capture: Capture, *, for_good: bool = False) -> int:
        """What refunds and disputes took back of the capture, by whomever. `for_good`: without disputes yet open."""
        return sum(
            back.returned_minor
            for back in self.returns_of(capture)
            if not for_good or back.status in ("succeeded", "lost")
        )

    def refunds_of(self, capture: Capture) -> list[Refund]:
        """Our refunds of the capture, the oldest first."""
        return [refund for refund in self.refunds.values() if refund.capture == capture.key]

    def surplus_back(self, capture: Capture, *, for_good: bool = False) -> int:
        """What of the capture's surplus went back. What others returned counts against the surplus first; where the
        order was released because all of its money was back, against that money first.
        """
        if not self.returns:
            return 0
        surplus_first = self.returned_of(capture, for_good=for_good) - self._own_back(capture, "order")
        if self.orders[capture.order_id].released_at is not None:
            ours = self._own_back(capture, "surplus")
            by_others = surplus_first - ours
            unreturned = max(0, capture.allocated_minor - self._own_back(capture, "order"))
            surplus_first = ours + max(0, by_others - unreturned)
        return min(capture.surplus_minor, surplus_first)

    def order_back(self, capture: Capture, *, for_good: bool = False) -> int:
        """What went back of the money that serves, or served, the order."""
        if not self.returns:
            return 0
        return self.returned_of(capture, for_good=for_good) - self.surplus_back(capture, for_good=for_good)

    def _own_back(self, capture: Capture, serves: str) -> int:
        ours = {refund.id for refund in self.refunds_of(capture) if refund.serves == serves}
        return sum(back.returned_minor for back in self.returns_of(capture) if back.refund_id in ours)

    def clear(self) -> None:
        """Forget what was to be recorded, because it is on its way to the database."""
        for decided in (
            self.changed_orders, self.changed_attempts, self.changed_captures, self.changed_returns,
            self.changed_refunds, self.changed_reservations, self.changed_stock, self.changed_accruals, self.resolved,
            self.new_refs, self.settlements, self.entries, self.effects, self.findings, self.steps,
        ):  # fmt: skip
            decided.clear()

    def _step(self, subject: str, subject_id: UUID, source: str, event: str, target: str) -> None:
        self.steps.append(Step(self.new_id(), subject, subject_id, source, event, target, self.cause))
