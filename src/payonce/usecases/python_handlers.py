"""Handlers from Python functions: what `@engine.effect` registers. Plain functions and coroutines alike."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from payonce.base.errors import ensure
from payonce.usecases.effect_handlers import (
    Accepted,
    AnyHandler,
    EffectCall,
    NotAccepted,
    NotNeeded,
    Outcome,
    OutcomeUnknown,
)

Offload = Callable[[Callable[[], Any]], Awaitable[Any]]
Bounded = Callable[[Awaitable[Any]], Awaitable[Any]]


async def at_once(call: Callable[[], Any]) -> Any:
    """Run a blocking function where we are: right without an event loop, and for functions that do not wait."""
    return call()


async def unbounded(call: Awaitable[Any]) -> Any:
    """Wait for a call however long it takes."""
    return await call


def python_handler(
    function: Callable[..., Any],
    *,
    transactional: bool = False,
    verify: Callable[[EffectCall], Any] | None = None,
    offload: Offload = at_once,
    bounded: Bounded = unbounded,
) -> AnyHandler:
    """A handler from a Python function, asynchronous or plain: `function(effect)`, or `function(effect, connection)`.

    To return is to have done it; a returned text is kept as the receiver's answer, a returned Outcome is taken as it
    is. `offload` runs plain functions (an engine on asyncio hands in `asyncio.to_thread`); a transactional one is run
    where it is, because its connection belongs to the running transaction. `bounded` ends a call that hangs with an
    exception, so that its outcome is unknown; the bound must be shorter than the lease.
    """
    if transactional:
        return _PythonWriter(function)
    if verify is None:
        return _PythonCaller(function, offload, bounded)
    return _PythonVerifier(function, verify, offload, bounded)


class _PythonCaller:
    def __init__(self, function: Callable[..., Any], offload: Offload, bounded: Bounded) -> None:
        self._function = function
        self._offload = offload
        self._bounded = bounded

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        return _outcome(await self._bounded(self._run(self._function, effect)))

    async def _run(self, function: Callable[..., Any], effect: EffectCall) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(effect)
        result = await self._offload(partial(function, effect))
        return await result if inspect.isawaitable(result) else result


class _PythonVerifier(_PythonCaller):
    def __init__(
        self, function: Callable[..., Any], verify: Callable[[EffectCall], Any], offload: Offload, bounded: Bounded
    ) -> None:
        super().__init__(function, offload, bounded)
        self._verify = verify

    async def verify(self, effect: EffectCall, /) -> bool:
        # Only True itself proves something; a truthy object may be an answer that says no.
        return await self._bounded(self._run(self._verify, effect)) is True


class _PythonWriter:
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    async def apply(self, effect: EffectCall, connection: Any, /) -> Outcome:
        result = self._function(effect, connection)
        result = await result if inspect.isawaitable(result) else result
        status = connection.info.transaction_status.name
        ensure(status == "INTRANS", f"the handler of {effect.kind!r} left its transaction {status}, instead of open")
        return _outcome(result)


def _outcome(result: Any) -> Outcome:
    if isinstance(result, Accepted | NotAccepted | NotNeeded | OutcomeUnknown):
        return result
    return Accepted(result if isinstance(result, str) else "")
