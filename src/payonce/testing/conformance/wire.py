"""The way to the provider, as bad as a rule wants it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from payonce.providers.transport import Answer, Request, Transport, Unreachable

# What becomes of a request, given the way on.
Course = Callable[[Request, Transport], Awaitable[Answer]]
_HTML: Final = (("content-type", "text/html"),)
_JSON: Final = (("content-type", "application/json"),)

# Answers that decide nothing: somebody between us and the provider, or the provider in trouble.
UNDECIDED: Final = {
    "an empty 500": Answer(500),
    "the page of a proxy": Answer(502, _HTML, b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    "a 503 in JSON": Answer(503, _JSON, b'{"message":"try again later"}'),
    "a redirect": Answer(302, (("location", "https://login.example/"),)),
    "a success without a body": Answer(200),
    "a page instead of an answer": Answer(200, _HTML, b"<html><body>Welcome</body></html>"),
    "an object of nobody's": Answer(200, _JSON, b"{}"),
    "a list of nothing": Answer(200, _JSON, b"[]"),
    "null": Answer(200, _JSON, b"null"),
    "bytes that are no text": Answer(200, _JSON, b"\xff\xfe\x00"),
    "a very deep answer": Answer(200, _JSON, b"[" * 20_000),
}


class Wire:
    """A transport that a rule spoils for a while, and that remembers what was sent."""

    def __init__(self, inner: Transport) -> None:
        self.sent: list[Request] = []
        self._inner = inner
        self._course: Course | None = None

    async def send(self, request: Request) -> Answer:
        """Send it on, or let it go as it was decided."""
        self.sent.append(request)
        return await (self._course(request, self._inner) if self._course else self._inner.send(request))

    @contextmanager
    def going(self, course: Course) -> Iterator[None]:
        """Let every request go this way while the block runs."""
        self._course = course
        try:
            yield
        finally:
            self._course = None


async def lost_before(request: Request, inner: Transport) -> Answer:
    """It never arrives, which nobody knows."""
    raise Unreachable("no answer in time", sent=True)


async def lost_after(request: Request, inner: Transport) -> Answer:
    """It takes effect, and its answer is lost."""
    await inner.send(request)
    raise Unreachable("no answer in time", sent=True)


def answered(answer: Answer) -> Course:
    """Something else answers, and the request goes no further."""

    async def course(request: Request, inner: Transport) -> Answer:
        return answer

    return course


async def half_answered(request: Request, inner: Transport) -> Answer:
    """It takes effect, and half of its answer comes back."""
    whole = await inner.send(request)
    return Answer(whole.status, whole.headers, whole.body[: len(whole.body) // 2])


def after(act: Callable[[], object]) -> Course:
    """Something happens at the provider in the moment before it arrives."""

    async def course(request: Request, inner: Transport) -> Answer:
        act()
        return await inner.send(request)

    return course
