"""Logs: a JSON object a line where nobody looks, readable lines on a terminal; never a secret, never a card number.

The service calls `configure`. A library must not: there everything goes to the standard library's loggers, which the
application has configured, and `bound` still carries the ids.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, TextIO

import structlog

Level = Literal["debug", "info", "warning", "error"]

# Values under these names are never written, whatever they are.
_SECRET_NAMES: Final = re.compile(
    r"(^|_)(secret|secrets|password|api_key|authorization|token|cookie|dsn|database_url|smtp_url|client_secret)$"
)
# Secrets by their looks, inside any text: keys and signing secrets, client secrets, credentials in addresses.
_SECRET_LOOKS: Final = (
    (re.compile(r"\b((?:sk|rk|pk)_(?:test|live)_|whsec_|pok_)[A-Za-z0-9+/=_-]{4,}"), r"\1…"),
    (re.compile(r"\b((?:pi|seti|cs)_[A-Za-z0-9]+_secret_)[A-Za-z0-9]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), r"\1…"),
    (re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@"), r"\1…@"),
)
# What none of the patterns could match is most of every line; a look for these words and digits keeps logging cheap.
_SUSPICIOUS: Final = ("_test_", "_live_", "whsec_", "pok_", "_secret_", "bearer", "://")
_MANY_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){12}")
_DIGITS: Final = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")
# Talkative at our own level: every request of the access log and every statement of the drivers' pools.
_QUIET: Final = ("uvicorn.access", "aiohttp", "httpx2", "httpcore2", "psycopg.pool", "asyncio")


def configure(
    *, level: Level = "info", form: Literal["auto", "json", "console"] = "auto", stream: TextIO | None = None
) -> None:
    """Send our logs and those of the libraries to `stream` (standard error), in one shape."""
    global _alone
    stream = stream or sys.stderr
    pretty = form == "console" or (form == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    last: structlog.typing.Processor
    if pretty:
        last = structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0)
    else:
        last = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    handler = _Lines(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # As text, and before the redaction: a drawn traceback would show the values of local variables.
                structlog.processors.format_exc_info,
                redact,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    processors = [*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
    _alone = None if pretty else (handler, processors)
    structlog.configure(
        processors=processors,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines. One that cannot be written is lost, and is said to be: the standard handler would print all that it
    carries, before anything was taken out of it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Say which line was lost, and why."""
        self.lose(record.name)

    def lose(self, name: str) -> None:
        """Say so of a line of the logger `name`."""
        with suppress(Exception):
            error = sys.exc_info()[1]
            (sys.__stderr__ or sys.stderr).write(f"a line of {name} was lost: {type(error).__name__}\n")

    def write_all(self, name: str, lines: Iterable[str]) -> None:
        """Write finished lines of the logger `name` at once."""
        self.acquire()
        try:
            self.stream.write("".join(f"{line}{self.terminator}" for line in lines))
            self.flush()
        except Exception:
            self.lose(name)
        finally:
            self.release()


# Where lines go as JSON and nothing was added to it since: the handler, and what structlog does to a line for it.
_alone: tuple[_Lines, list[structlog.typing.Processor]] | None = None
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode


def write_many(name: str, event: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """The line `event` at the level info for each of `rows`, as `structlog.get_logger(name).info(event, **row)` writes
    it. A line costs that as much as a webhook's signature, body and ledger together; here it costs a tenth, as long as
    lines are JSON and nobody else listens.
    """
    logger = logging.getLogger(name)
    alone = _alone if _alone is not None and _is_alone(logger, *_alone) else None
    if alone is None:
        log = structlog.get_logger(name)
        for row in rows:
            log.info(event, **row)
    elif logger.isEnabledFor(logging.INFO):
        bound_ids = structlog.contextvars.get_contextvars()
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        said = {"event": event, "logger": name, "level": "info", "at": at}
        alone[0].write_all(name, [_line({**bound_ids, **row, **said}) for row in rows])


def _is_alone(logger: logging.Logger, handler: _Lines, processors: list[structlog.typing.Processor]) -> bool:
    """Whether what the logger is told goes to the handler, to nobody else, and through nothing but our processors."""
    if logger.disabled or logger.filters or structlog.get_config()["processors"] is not processors:
        return False
    found: list[logging.Handler] = []
    at: logging.Logger | None = logger
    while at is not None:
        found += at.handlers
        at = at.parent if at.propagate else None
    return found == [handler] and not handler.filters


def _line(row: dict[str, Any]) -> str:
    line = _encode(row)
    # Most lines hold nothing that could be a secret, nor a name that says so; the others are gone through by the value.
    # So are those with a backslash: what JSON escapes may be what a secret is known by.
    if "\\" in line or _is_suspicious(line) or any(map(_is_secret, row)):
        return _encode(redact(None, "info", row))
    return line


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Put ids (`order_id`, `attempt_id`, `event_id`, `req_id`, …) on every line that is written inside."""
    with structlog.contextvars.bound_contextvars(**{name: str(value) for name, value in ids.items() if value}):
        yield


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets and card numbers out of a line, by the names they stand under and by their looks."""
    for name in list(event):
        event[name] = _clean(name, event[name])
    return event


def _clean(name: str, value: Any) -> Any:
    if _is_secret(name) and value not in (None, "", False, True):
        return "…"
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    # Lines have few names, and say them thousands of times a second.
    return _SECRET_NAMES.search(name) is not None


def clean_text(text: str) -> str:
    """`text` without what looks like a secret or a card number."""
    if not _is_suspicious(text):
        return text
    for looks, instead in _SECRET_LOOKS:
        text = looks.sub(instead, text)
    return _DIGITS.sub(lambda found: "…card number…" if _is_card(found[0]) else found[0], text)


def _is_suspicious(text: str) -> bool:
    small = text.lower()
    return any(word in small for word in _SUSPICIOUS) or _MANY_DIGITS.search(text) is not None


def _is_card(digits: str) -> bool:
    """Whether the digits pass Luhn's check, as every card number does and one in ten other numbers."""
    numbers = [int(letter) for letter in reversed(digits) if letter.isdigit()]
    doubled = [number if place % 2 == 0 else sum(divmod(number * 2, 10)) for place, number in enumerate(numbers)]
    return sum(doubled) % 10 == 0
