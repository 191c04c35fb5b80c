"""Declaring effects in Python: `@engine.effect(...)`, the same for the engine of either kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from payonce.app import Assembly
from payonce.base.errors import Refused
from payonce.domain.effect import REVERSED_ON, EffectKind, OnUnknown, Purpose
from payonce.usecases.effect_handlers import EffectCall
from payonce.usecases.python_handlers import python_handler

F = TypeVar("F", bound=Callable[..., Any])
Offload = Callable[[Callable[[], Any]], Awaitable[Any]]
Bounded = Callable[[Awaitable[Any]], Awaitable[Any]]
# A kind must name an occasion; one that is only owed by hand is never declared to the rules, so this one never occurs.
_BY_HAND = "order.paid"
_PAID = "order.paid"


class Declares(ABC):
    """What an engine lets an application declare, before it starts."""

    _assembly: Assembly

    def effect(
        self,
        name: str,
        *,
        on: str | tuple[str, ...] | None = _PAID,
        nature: Purpose = "fulfilment",
        on_unknown: OnUnknown = "ask",
        transactional: bool = False,
        tries: int = 16,
        verify: Callable[[EffectCall], Any] | None = None,
        undoes: str | None = None,
    ) -> Callable[[F], F]:
        """Declare what is owed on an occasion, with the function that does it: `function(effect)`.

        `on=None`: owed only by `add_effect`. `on_unknown` says what follows when nobody knows whether it was done:
        `resend` (the receiver honours `effect.key`), `verify` (ask by `verify(effect)`), `ask` (a person decides).
        `transactional`: `function(effect, connection)` writes to the same database and nowhere else, and is exactly
        once. `undoes`: the name of an effect that was declared before, which this one undoes on any of `refund`,
        `dispute` and `surplus_delivery` (all three unless `on` names some); `effect.about["undoes"]` says what was
        done. Raises Refused `occasion_unknown`, `effect_name_invalid`, `effect_name_taken`, `effect_handler_unfit`,
        `reversal_invalid`.
        """
        if undoes is not None:
            self._check_undone(undoes)
            on = REVERSED_ON if on == _PAID else (on,) if isinstance(on, str) else on or ()
        kind = EffectKind(name, on or (() if undoes else _BY_HAND), nature, on_unknown, transactional, tries, undoes)

        def declare(function: F) -> F:
            handler = python_handler(
                function, transactional=transactional, verify=verify, offload=self._offload(), bounded=self._bounded()
            )
            self._assembly.handlers.add(kind, handler)
            if on is not None:
                self._assembly.kinds.append(kind)
            return function

        return declare

    def _check_undone(self, name: str) -> None:
        """Raise Refused unless an effect of that name is declared, and is no reversal itself."""
        declared = {kind.name: kind for kind in (*self._assembly.kinds, *self._assembly.handlers)}
        if name not in declared or declared[name].undoes is not None:
            raise Refused(
                f"no effect named {name!r} is declared that could be undone", code="reversal_invalid", param="undoes"
            )

    @abstractmethod
    def _offload(self) -> Offload:
        """How a plain function is run without holding the engine up."""

    @abstractmethod
    def _bounded(self) -> Bounded:
        """How a handler is ended that takes too long."""
