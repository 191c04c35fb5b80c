"""A check: one thing that an engine must do, or may, and what was seen of it.

A check that fails never ends the run: whatever goes wrong in it becomes a sentence. What is required must hold; what is
optional costs something that the sentence names, and nothing of the promises.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from psycopg import Error

from payonce.base.errors import PayonceError

G = TypeVar("G")
State: TypeAlias = Literal["ok", "failed", "missing", "not_tried"]


class NotKept(Exception):
    """What a check found wrong, as a sentence for an operator."""


@dataclass(frozen=True, slots=True)
class Check(Generic[G]):
    """One thing to try. `run` is handed the ground and gives what there is to say; it raises NotKept, or any error.

    `otherwise` says what follows where it does not hold. Behind a `gate` that fails, nothing more is tried.
    """

    name: str
    part: str
    proves: str
    run: Callable[[G], str | None]
    is_required: bool = True
    otherwise: str = ""
    is_gate: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check: `missing` is something optional that is not there."""

    name: str
    part: str
    proves: str
    is_required: bool
    state: State
    says: str
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether the promises can rest on it."""
        return self.state in ("ok", "missing")


def require(holds: object, sentence: str) -> None:
    """Raise NotKept with `sentence` unless it holds."""
    if not holds:
        raise NotKept(sentence)


def results(checks: Sequence[Check[G]], ground: G) -> Iterator[Result]:
    """Try one check after the other."""
    closed_by = ""
    for check in checks:
        if closed_by:
            yield _result(check, "not_tried", f"not tried, because {closed_by} failed", 0.0)
            continue
        result = _try(check, ground)
        yield result
        if check.is_gate and not result.is_good:
            closed_by = check.name


def _try(check: Check[G], ground: G) -> Result:
    began = time.perf_counter()
    try:
        says, state = check.run(ground) or "", "ok"
    except Exception as error:
        says, state = _sentence(error), "failed"
    seconds = time.perf_counter() - began
    if state == "ok":
        return _result(check, "ok", says, seconds)
    says = f"{says} {check.otherwise}".strip()
    return _result(check, "failed" if check.is_required else "missing", says, seconds)


def _sentence(error: Exception) -> str:
    """What went wrong, in a line; of an error that nobody foresaw its type as well."""
    if isinstance(error, NotKept):
        return str(error)
    if isinstance(error, PayonceError):
        cause = error.__cause__
        reason = f" ({type(cause).__name__}: {_line(cause)})" if cause else ""
        return f"payonce met {error.code}: {error.message} {error.hint}{reason}"
    if isinstance(error, Error):
        return f"The engine answered {error.sqlstate or 'nothing'} ({type(error).__name__}): {_line(error)}"
    return f"{type(error).__name__}: {_line(error)}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _result(check: Check[G], state: State, says: str, seconds: float) -> Result:
    return Result(check.name, check.part, check.proves, check.is_required, state, says, seconds)
