"""A provider's account as the simulation has it: what every one of them is asked, whichever it is.

Behind it stands the provider's simulator, reached through payonce's own transport, with books of its own; what the
checks ask is answered from these books and never from ours. Whose business a call or a letter is, is known by our
attempt's id in it, or by an object that carried one before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID

from payonce.base.errors import Bug
from payonce.providers.simulator.delivery_faults import Plan
from payonce.providers.simulator.faults import Fault, Kind, When
from payonce.providers.simulator.party import Party
from payonce.providers.simulator.world import LETTERS
from payonce.providers.transport import Answer, Request
from payonce.simulation.database import Boundaries
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.hosts import HostClock
from payonce.simulation.scheduler import Actor, Scheduler
from payonce.usecases.answers import Checkout

NOBODY: Final = "strangers"
# What all of them sign with, and what every adapter is made from.
SECRET: Final = "whsec_of_the_simulation_1234567890"
HOUR: Final = 3600.0
# What P3 turns an answer into, and how often each.
SPOILT: Final[Mapping[tuple[Kind, When], float]] = {
    ("rate_limited", "before"): 2.0, ("lock_timeout", "before"): 1.0, ("error_500", "before"): 1.0,
    ("error_500", "after"): 1.0, ("html", "before"): 1.0, ("html", "after"): 1.0, ("reset", "before"): 1.0,
    ("reset", "after"): 1.0, ("drip", "after"): 1.0, ("bad_json", "after"): 1.0,
}  # fmt: skip


class Payer(Protocol):
    """Whoever uses a page, as far as a provider needs him: what he decides is drawn by his own name."""

    key: str

    def happens(self, probability: float, *name: object) -> bool: ...
    def between(self, low: float, high: float, *name: object) -> float: ...
    def chooses(self, weights: Mapping[Any, float], *name: object) -> Any: ...
    async def rests(self, seconds: float) -> None: ...
    def pay(self, page: Checkout, method: str = "") -> str: ...
    def saw(self, what: str, seen: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Money:
    """What came in, by the provider's name of what it came by; the attempt is the one that its object carries."""

    ref: str
    amount_minor: int
    currency: str
    attempt_id: UUID | None


@dataclass(frozen=True, slots=True)
class Letter:
    """What the harness knows of a letter: whose it is, what it tells, and the name that payonce is to keep it by."""

    story: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class SeenReturn:
    """What the provider said of money that went back: a refund or a dispute, and its status as we rank it."""

    nature: str
    ref: str
    status: str | None
    # The name of the letter that told it, so that one that is stuck is not counted twice.
    key: str


class Lagging(Protocol):
    """Settings of a simulator that has lists."""

    # How many seconds they lag behind.
    list_lag: float


@dataclass(slots=True)
class Around:
    """What all providers of a run share. `stories` leads from our ids to stories."""

    draw: Draw
    faults: Faults
    scheduler: Scheduler
    boundaries: Boundaries
    stories: dict[UUID, str]
    # Attempts whose page somebody was given.
    disclosed: set[UUID] = field(default_factory=set)
    # What each caller has read of money since he was last asked.
    read_by: dict[str, set[str]] = field(default_factory=dict)
    # Who stands still with the answer to a refund in his hand, by story.
    standing: dict[str, Actor] = field(default_factory=dict)
    # Stories in which others once sent money back while we began to.
    hurried: set[str] = field(default_factory=set)
    on_calls_beside: Callable[[str, str], None] = lambda who, detail: None
    on_standing: Callable[[Actor], None] = lambda actor: None
    on_old_key: Callable[[str, str], None] = lambda who, detail: None
    on_made_unasked: Callable[[str, str], None] = lambda who, detail: None


class Provider(ABC):
    """One simulated account. Class by class: its name, the secret that its letters are signed with, and its habits."""

    name: ClassVar[str]
    # The currencies that stories are told in which it takes; None: all.
    takes: ClassVar[frozenset[str] | None] = None
    # The least that stories are told of where a merchant has it, and whether it can be asked to send money back.
    least_minor: ClassVar[int] = 0
    sends_money_back: ClassVar[bool] = True
    # Whether it takes every currency, so that a merchant configures it behind those that are meant for one; and whether
    # what a payer was given can be called back.
    comes_last: ClassVar[bool] = False
    can_cancel: ClassVar[bool] = True
    # How a merchant may be set up to use it, and which flow a payer may ask for by name.
    flows: ClassVar[Mapping[str, float]]
    asked_flows: ClassVar[Mapping[str, float]]
    place_of_flow: ClassVar[tuple[str, ...]]
    # How a page is used, and how often; and what he sees who paid as he should.
    uses: ClassVar[Mapping[str, float]]
    # The one of `uses` in which people simply pay.
    simply: ClassVar[str]
    content: ClassVar[frozenset[str]] = frozenset({"succeeded"})
    # Whether a letter of long ago is refused, and whether one change may be told twice or in other words.
    refuses_old: ClassVar[bool] = False
    tells_twice: ClassVar[bool] = False
    # Whether somebody can charge at its dashboard, with marks of ours.
    charges_by_hand: ClassVar[bool] = False
    # With what, and how often.
    by_hand: ClassVar[Mapping[str, float]] = {}
    # How much more seldom jobs look in the days of waiting: where nothing ends what was begun, each look asks for all.
    pace: ClassVar[float] = 1.0
    # The calls that make something payable, as `what` names them.
    creates: ClassVar[frozenset[str]]
    # For how long the same call may be sent again.
    key_life: float

    party: Party
    # The settings of its lists, where it has any.
    lists: Lagging | None = None

    def __init__(self, around: Around) -> None:
        self.around = around
        self.clock = HostClock(around.scheduler)
        # Stories in which somebody has charged by hand.
        self.meddled: set[str] = set()
        # Which creates are on their way: key -> who, and since when. One whose caller died stays.
        self.creating: dict[str | None, tuple[str, int]] = {}
        # When each idempotency key was sent first.
        self.first_sent: dict[str, int] = {}
        self._told: Counter[tuple[str, str]] = Counter()
        self._maker: tuple[str, int] = ("", 0)
        self._nth = 0

    # What a simulator asks: ids, and what goes wrong.

    def make(self, letters: int) -> str:
        """The random part of an object's id, by who makes it and when in his course."""
        actor = self.around.scheduler.current
        maker = ("clock", self.around.scheduler.now) if actor is None else (actor.key, actor.turns)
        self._nth = self._nth + 1 if maker == self._maker else 0
        self._maker = maker
        name = (*self._place_of_ids(), *maker, self._nth)
        return "".join(LETTERS[byte % len(LETTERS)] for byte in self.around.draw.raw(letters, "object", *name))

    def _place_of_ids(self) -> tuple[str, ...]:
        return (self.name,)

    def pick(self, operation: str, text: str) -> Fault | None:
        """How this call goes wrong, if it does."""
        faults, draw = self.around.faults, self.around.draw
        story = self.story_of_text(text) or self.around.scheduler.acting().story
        late = faults.strikes("P2", story, operation)
        if late:
            # Half of them take effect only after a while, perhaps after somebody asked again.
            if draw.happens(0.5, "late", late):
                return Fault("late", seconds=draw.between(1.0, 60.0, "late by", late))
            return Fault("timeout", "after")
        if faults.strikes("P1", story, operation):
            return Fault("timeout", "before")
        is_end = operation.endswith((".expire", ".cancel")) and self.has_payer(text)
        if is_end and faults.strikes("P6", story, operation):
            return Fault("payer_first")
        if operation.endswith(".list") and self.lists is not None and self.lists.list_lag:
            faults.saw("P5")
        spoilt = faults.strikes("P3", story, operation)
        if spoilt:
            kind, when = draw.choose(SPOILT, "spoilt", spoilt)
            return Fault(kind, when, seconds=draw.whole(1, 4, "retry after", spoilt))
        return None

    def has_payer(self, text: str) -> bool:
        """Whether anybody can pay what a call ends at that moment."""
        return True

    def plan(self, event_type: str, event_id: str, object_id: str) -> Plan:
        """How a letter reaches us."""
        faults, draw = self.around.faults, self.around.draw
        story = self.story_of_news(event_id, object_id)
        self._told[story, event_type] += 1
        place = f"{event_type} {self._told[story, event_type]}"
        self.hear(story, event_type, object_id)
        if self.is_lost(story, place, event_id):
            return Plan(vanishing=None)
        delay = draw.latency(0.4, "event", story, place)
        if faults.strikes("W2", story, place):
            delay += draw.between(0.0, 30.0, "overtaken", story, place)
        if faults.strikes("W3", story, place):
            delay += draw.between(HOUR / 2, 30 * HOUR, "hours late", story, place)
        copies = [delay]
        while len(copies) < 4 and faults.strikes("W1", story, place):
            copies.append(delay + draw.between(0.0, 60.0, "copy", story, place, len(copies)))
        return Plan(tuple(copies))

    def hear(self, story: str, event_type: str, object_id: str) -> None:
        """Told of every letter as it is written, before it is decided how it travels."""
        return

    def is_lost(self, story: str, place: str, event_id: str) -> bool:
        """Whether a letter is lost."""
        return self.around.faults.strikes("W4", story, place) is not None

    def end_faults(self) -> None:
        """Nothing of it lags behind from now on."""
        if self.lists is not None:
            self.lists.list_lag = 0.0

    # Whose business something is.

    @abstractmethod
    def story_of_text(self, text: str) -> str | None:
        """Whose business a request is: by the mark in it, or in the object that it names."""

    @abstractmethod
    def story_of_news(self, event_id: str, object_id: str) -> str:
        """Whose business a letter is, as the simulator names it while it writes it."""

    @abstractmethod
    def letter(self, outgoing: Any) -> Letter:
        """What is known of a letter that is to be carried."""

    # What it is to payonce's transport.

    @abstractmethod
    def what(self, request: Request) -> str:
        """The call in two words, without ids."""

    @abstractmethod
    def key_of(self, request: Request) -> str | None:
        """The name under which this call may be sent again as the same one; None for calls that make nothing."""

    @abstractmethod
    def read_in(self, request: Request, answer: Answer) -> Iterable[str]:
        """The names of the money whose state the caller has read by this."""

    @abstractmethod
    def sends_back(self, request: Request) -> bool:
        """Whether the call sends money back."""

    def meddle(self, who: str, text: str) -> None:
        """Let others send back, or dispute, the money that a call of the refund worker names."""
        return

    def names_object(self, text: str) -> bool:
        """Whether the call names an object of its books."""
        return True

    def has_money(self, text: str) -> bool:
        """Whether the call names money that others could send back."""
        return False

    # What it knows, by its own books.

    @abstractmethod
    def attempts_of(self, story: str) -> list[UUID]:
        """The attempts that the story's objects carry, as somebody at the dashboard sees them."""

    @abstractmethod
    def captured(self) -> Iterable[Money]:
        """All money that came in by objects that carry an attempt, gross of refunds."""

    @abstractmethod
    def captured_of(self, story: str) -> Sequence[Money]:
        """The same of one story."""

    @abstractmethod
    def able_to_bring_money(self, story: str) -> list[tuple[str, UUID | None]]:
        """What of a story can be paid, is on its way or was paid, by object and attempt; not what was made by hand."""

    @abstractmethod
    def under_way(self) -> set[str]:
        """Stories of which it is still at work on a payment."""

    @abstractmethod
    def was_processing(self, story: str) -> bool:
        """Whether a payment of the story was ever on its way."""

    @abstractmethod
    def ended(self, ref: str) -> float | None:
        """When what was given out ended without money (unix seconds); None while it can be paid, or was. Raises
        KeyError where it is none of its objects.
        """

    def can_tell_of(self, ref: str) -> bool:
        """Whether the provider still answers for this money."""
        return True

    def returns_seen(self, before: float) -> Iterable[SeenReturn]:
        """What it told of refunds and disputes of ours before that unix second, each as it was told."""
        return ()

    @abstractmethod
    def went_back(self) -> Counter[str]:
        """How much of each money is back, on its way back, or with a bank that disputes it."""

    def is_going_back(self, ref: str) -> bool:
        """Whether a bank disputes this money or others are sending it back at this moment."""
        return False

    # What people do there.

    @abstractmethod
    def pay(self, ref: str, method: str = "") -> str:
        """Press Pay; without a method in the most usual way. What the payer sees."""

    @abstractmethod
    async def use(self, payer: Payer, page: Checkout, how: str) -> bool:
        """Use a page in one of `uses`; whether he is through with it."""

    def give_back(self, who: str, ref: str) -> None:
        """The merchant sends this money back at the dashboard, or its payer disputes it."""
        return

    def charge_by_hand(self, who: str, attempt_id: UUID | None, currency: str, amount: int, method: str = "") -> None:
        """Somebody charges at the dashboard: with our marks copied, or as a stranger who has none."""
        raise Bug(f"nobody can charge by hand at {self.name}")

    # Letters that others make of it.

    def twin(self, outgoing: Any) -> None:
        """Tell the same change under another name."""
        return

    def change(self, outgoing: Any) -> None:
        """Send the letter again under its name, with other words."""
        return

    @abstractmethod
    def poison(self, name: str, *, is_only_strange: bool) -> tuple[tuple[tuple[str, str], ...], bytes, str | None]:
        """Headers and body of a genuine letter that nobody can read, or that is about something else; and its name,
        where it has one that can be read.
        """

    def story_of_attempt(self, attempt_id: UUID | None) -> str | None:
        """The story in whose course an attempt was made."""
        return self.around.stories.get(attempt_id) if attempt_id is not None else None


class NoChance:
    """Every decision is drawn by name, so nothing may ask for more."""

    def uniform(self) -> float:
        """Refuse."""
        raise Bug("a simulated provider drew a number without a name")

    def token(self, n: int) -> bytes:
        """Refuse."""
        raise Bug("a simulated provider drew bytes without a name")
