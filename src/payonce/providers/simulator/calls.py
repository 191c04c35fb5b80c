"""How one call goes wrong at a provider that remembers no answers: which faults let it take effect, which do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from payonce.providers.simulator.agenda import Agenda
from payonce.providers.simulator.distortion import distorted, proxy_error
from payonce.providers.simulator.faults import Fault
from payonce.providers.simulator.wire import NOTHING, Reply


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log of calls. `fault` is `kind:when`; `status` 0 means that nothing was carried out."""

    at: float
    operation: str
    method: str
    path: str
    query: str
    object_id: str
    body: str
    status: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class Course:
    """One call as it goes when nothing goes wrong, and the provider's own words for when something does.

    `broken` is its own 500 and `busy` its 429, which is told after how many seconds to come back. `nothing` is called
    when a call is lost before it takes effect.
    """

    carry_out: Callable[[], Reply]
    broken: Callable[[], Reply]
    busy: Callable[[float], Reply]
    pay_first: Callable[[str], None]
    nothing: Callable[[], None] = lambda: None


def spoilt(fault: Fault | None, course: Course, books: Agenda) -> Reply:
    """What the caller of a call with this fault sees. The books have changed when it returns, or will by the clock."""
    if fault is None:
        return course.carry_out()
    if fault.kind == "payer_first":
        course.pay_first(fault.method)
        return course.carry_out()
    if fault.kind == "late":
        books.plan(books.now() + fault.seconds, course.carry_out)
        return NOTHING
    if fault.kind in ("rate_limited", "lock_timeout"):
        return course.busy(fault.seconds)
    if fault.takes_effect:
        reply = course.carry_out()
        return course.broken() if fault.kind == "error_500" else distorted(fault, reply)
    if fault.kind == "error_500":
        return course.broken()
    course.nothing()
    return distorted(fault, proxy_error(fault.status))
