"""The families of errors, each named after what its receiver should do next.

    PayonceError
    ├── Refused       correct the request; sending it again unchanged fails again       (4xx)
    ├── Conflict      the world moved on; read again, then decide                       (409, 410)
    ├── Unavailable   nothing is wrong with the request; try again later                (429, 503)
    ├── InDoubt       it may have happened; ask whoever knows before doing it again     (503)
    └── Bug           a promise of this code is broken; a person must look              (500)

Every error has a stable `code` for machines, a sentence for people and a hint for operators. A family is caught
once, at the edge, which turns it into one problem shape. Nothing here logs, and nothing is caught only to be logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PayonceError(Exception):
    """The root of all expected errors. `code` is stable; `detail` holds plain values for machines."""

    status = 500
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str = "",
        param: str | None = None,
        retry_after_seconds: float | None = None,
        status: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.detail: Mapping[str, Any] = dict(detail or {})
        if status is not None:
            self.status = status


class Refused(PayonceError):
    """The request is wrong as it stands; nothing was changed."""

    status = 422


class Conflict(PayonceError):
    """The request does not fit what is already there; nothing was changed."""

    status = 409


class Unavailable(PayonceError):
    """Something that is needed does not answer; the same request may be sent again later."""

    status = 503
    retryable = True


class RunStopped(Unavailable):
    """A run of a job came to its cap, or its switch was pulled: what is open is rolled back, and the run is stopped,
    not failed. What it left waits for the next one. No job goes on with its next row after it.
    """

    def __init__(self, message: str, *, code: str = "run_stopped", **rest: Any) -> None:
        super().__init__(message, code=code, **rest)


class InDoubt(PayonceError):
    """The work may have been done; whoever did it must be asked before it is done again."""

    status = 503
    retryable = True


class Bug(PayonceError):
    """A promise of this code is broken; the transaction is given up and a person must look."""

    status = 500

    def __init__(self, message: str, *, code: str = "bug", **rest: Any) -> None:
        super().__init__(message, code=code, **rest)


def ensure(condition: object, message: str) -> None:
    """Raise Bug with `message` unless `condition` is true. Unlike an assertion it stays on under -O."""
    if not condition:
        raise Bug(message)
