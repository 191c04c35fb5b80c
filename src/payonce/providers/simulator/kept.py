"""A simulator that survives restarts: it writes down what comes in, and does it all again when it starts.

The same inputs at the same instants with the same chance give the same books, so a journal of inputs is enough. It is
for demonstrations: the journal grows with use and is read whole at the start, and a journal of another version of this
code, or of other settings, is set aside with `.old` behind its name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from payonce.providers.simulator.agenda import Agenda
from payonce.providers.simulator.wire import Reply, lower_names
from payonce.providers.simulator.world import SeededChance

Entry: TypeAlias = dict[str, Any]


class _Deliveries(Protocol):
    def under_way(self) -> list[int]: ...


class Keepable(Protocol):
    """A simulator whose every change comes through these."""

    base_url: str
    on_news: Callable[[], None]

    @property
    def books(self) -> Agenda: ...
    @property
    def settings(self) -> object: ...
    @property
    def webhooks(self) -> _Deliveries: ...

    def handle(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Reply: ...
    def due_deliveries(self) -> list[Any]: ...
    def delivered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None: ...
    def quiet(self) -> bool: ...
    def next_due(self) -> float | None: ...


Core = TypeVar("Core", bound=Keepable)


class PinnedClock:
    """The real time plus a shift; one instant for the whole of one input, so that it can be done again."""

    def __init__(self) -> None:
        self.pinned: datetime | None = None
        self._shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift if self.pinned is None else self.pinned

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._shift += timedelta(seconds=seconds)
        if self.pinned is not None:
            self.pinned += timedelta(seconds=seconds)


class Kept(Generic[Core]):
    """Serve it like its `core`, which is for reading; what changes it comes through here or `/_sim/`.

    `make` builds the core on the clock and the chance of the journal. Of a request only `headers` are written down:
    what its outcome depends on. `inputs` are the core's further inputs by name.
    """

    def __init__(
        self,
        journal: Path,
        make: Callable[[PinnedClock, SeededChance], Core],
        *,
        headers: frozenset[str],
        inputs: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._clock, self._chance = PinnedClock(), SeededChance(0)
        self.core: Core = make(self._clock, self._chance)
        self._journal, self._headers, self._inputs = journal, headers, {**INPUTS, **inputs}
        mark = f"{code_version()} {self.core.settings}"
        for entry in _read(journal, mark):
            self._do(entry)
        with journal.open("a", encoding="utf-8") as lines:
            if lines.tell() == 0:
                lines.write(json.dumps({"mark": mark}) + "\n")
        for delivery_id in self.core.webhooks.under_way():
            # Whether these arrived before the end is unknown, so they are tried again, as the provider would.
            self.delivered(delivery_id, None)

    @property
    def base_url(self) -> str:
        """Where payers reach the pages. Give it the same port at every start, or older pages lose their address."""
        return self.core.base_url

    @base_url.setter
    def base_url(self, value: str) -> None:
        self.core.base_url = value

    @property
    def on_news(self) -> Callable[[], None]:
        """Called whenever something may have become due."""
        return self.core.on_news

    @on_news.setter
    def on_news(self, value: Callable[[], None]) -> None:
        self.core.on_news = value

    def handle(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply:
        """The reply to one HTTP request."""
        named = {name: value for name, value in lower_names(headers).items() if name in self._headers}
        values = [method.upper(), path, query, named, base64.b64encode(body).decode()]
        reply: Reply = self.take("handle", values, keep=values[0] not in ("GET", "HEAD"))
        return reply

    def due_deliveries(self) -> list[Any]:
        """The webhooks to send now."""
        with self.core.books.lock:
            moment = self.core.next_due()
            if moment is None or moment > self.core.books.now():
                return []
            leaving: list[Any] = self.take("due_deliveries", [])
            return leaving

    def delivered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None:
        """Record the receiver's answer to one delivery."""
        self.take("delivered", [delivery_id, status, base64.b64encode(body).decode()])

    def quiet(self) -> bool:
        """Whether every webhook that is due has been sent and its answer recorded."""
        return self.core.quiet()

    def take(self, name: str, values: list[Any], *, keep: bool = True) -> Any:
        """Write an input down, then do it; what only reads need not be kept."""
        with self.core.books.lock:
            due = self.core.books.next_due()
            if due is not None and due <= self.core.books.now():
                # What the clock alone brings is an input like others: it takes ids from chance.
                self._keep_and_do("catch_up", [], keep=True)
            return self._keep_and_do(name, values, keep=keep)

    def _keep_and_do(self, name: str, values: list[Any], *, keep: bool) -> Any:
        entry: Entry = {"do": name, "with": values, "at": self.core.books.now(), "seed": secrets.randbits(62)}
        entry["base_url"] = self.core.base_url
        if keep:
            with self._journal.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(entry) + "\n")
        return self._do(entry)

    def _do(self, entry: Entry) -> Any:
        self._clock.pinned = datetime.fromtimestamp(entry["at"], UTC)
        self._chance.reseed(entry["seed"])
        self.core.base_url = entry["base_url"]
        try:
            return self._inputs[entry["do"]](self.core, *entry["with"])
        finally:
            self._clock.pinned = None


def _handle(core: Keepable, method: str, path: str, query: str, headers: dict[str, str], body: str) -> Reply:
    return core.handle(method, path, query, headers, base64.b64decode(body))


def _delivered(core: Keepable, delivery_id: int, status: int | None, body: str) -> None:
    core.delivered(delivery_id, status, base64.b64decode(body))


INPUTS: Final[dict[str, Callable[..., Any]]] = {
    "handle": _handle,
    "catch_up": lambda core: core.books.catch_up(),
    "due_deliveries": lambda core: core.due_deliveries(),
    "delivered": _delivered,
}


def code_version() -> str:
    """A mark of this code: a journal is only good for the code that wrote it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(journal: Path, mark: str) -> list[Entry]:
    """The entries of a journal; none when its mark is another, and a last line that was cut off is left out."""
    if not journal.exists():
        return []
    lines = journal.read_text(encoding="utf-8").split("\n")
    complete, cut = lines[:-1], lines[-1]
    if not complete or json.loads(complete[0]).get("mark") != mark:
        journal.replace(journal.with_name(journal.name + ".old"))
        return []
    if cut:
        journal.write_text("".join(line + "\n" for line in complete), encoding="utf-8")
    return [json.loads(line) for line in complete[1:]]
