"""How every connection is made and what it is told first. The driver pools of both kinds share it."""

from __future__ import annotations

from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payonce.store.database import Limits

# A peer that vanished without a word is noticed within 25 s: inside the 30 s lease of an attempt. They mean nothing
# on a Unix socket.
_KEEPALIVE: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}

# Times are UTC on the wire, and limits hold for every statement. One statement, so that it costs one round trip. The
# answer is whether the server keeps plans when it is told to, and forgets them (see `plans.py`); a server that only
# speaks like PostgreSQL may do neither.
SETTINGS: Final = """
SELECT
    version() LIKE 'PostgreSQL %%' AND EXISTS (SELECT FROM pg_settings WHERE name = 'plan_cache_mode'),
    set_config('TimeZone', 'UTC', false),
    set_config('statement_timeout', %(statement)s::text, false),
    set_config('lock_timeout', %(lock)s::text, false),
    set_config('idle_in_transaction_session_timeout', %(idle)s::text, false)
"""


def conninfo(dsn: str, limits: Limits) -> str:
    """`dsn` (a URL or key=value words) with our defaults below what it says itself."""
    given = conninfo_to_dict(dsn)
    hosts = len(str(given.get("host", "")).split(","))
    # Of several servers, the one that may write; the others are standbys.
    primary = {"target_session_attrs": "read-write"} if hosts > 1 else {}
    # They are asked one after the other, so one that hangs may use up its share only. libpq counts whole seconds, and
    # takes 1 for 2.
    seconds = max(2, round(limits.connection_seconds / hosts))
    defaults = {"connect_timeout": str(seconds), "application_name": "payonce"}
    return make_conninfo("", **{**_KEEPALIVE, **primary, **defaults, **given})


def settings(limits: Limits) -> dict[str, str]:
    """The parameters of SETTINGS, in milliseconds as the server reads them; 0 is no limit."""
    return {
        "statement": _milliseconds(limits.statement_seconds),
        "lock": _milliseconds(limits.lock_seconds),
        "idle": _milliseconds(limits.idle_seconds),
    }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
