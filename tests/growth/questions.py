"""Every question that payonce asks its database, with values as it gives them; and how many pages each one reads.

Pages are those of tables and indexes that the server looked at, in memory or not: they are the same on any machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from payonce.base.ids import first_at
from payonce.domain.invariants import OF_THE_WHOLE, written_arrows
from payonce.store import queries
from payonce.store.database import Query
from payonce.usecases.prove import QUERIES, SCOPED
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.growth.large import NOW

# Those are asked by a person or a tool about all there is: once, and not by a service.
OF_ALL: Final = {
    "expiry.count_to_erase": "a person asks how much there is to be erased, before the limit of days is set",
}
_FOLDER: Final = Path(queries.__file__).parent
_WRITES: Final = re.compile(r"^(?!SELECT\b|WITH\b)|\b(INSERT|UPDATE|DELETE)\b")
_PARAMETER: Final = re.compile(r"%\(([a-z_]+)\)s(?:::([a-z]+(?:\[\])?))?")
_HOUR: Final = timedelta(hours=1)
# How long a list is asked for at a time.
LIMIT: Final = 100


def every_question() -> dict[str, Query]:
    """All statements that only read, by name; of an invariant the one that the monitor asks, about some orders."""
    found: dict[str, Query] = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        if path.stem == "schema" or path.stem in ("invariants_scope", "extract"):
            continue
        for query in queries.load(path.stem):
            short = query.name.partition(".")[2]
            text = re.sub(r"'[^']*'|--[^\n]*|FOR (NO KEY )?UPDATE", "", query.sql)
            if not _WRITES.search(text.lstrip()) and short not in OF_THE_WHOLE and query.name not in OF_ALL:
                found[query.name] = SCOPED[short] if short in QUERIES else query
    return found


class Values:
    """What is given for each parameter, in a database of `tests.growth.large`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        newest = connection.execute(
            "SELECT order_id, substr(reference, 2)::bigint, token FROM orders"
            " WHERE state = 'paid' AND payer_reference = 'payer' ORDER BY order_id DESC LIMIT 100"
        ).fetchall()
        # The same rows after another, so that nothing depends on the order in which they are given.
        self._ids: list[UUID] = sorted(order_id for order_id, _, _ in newest)
        _, number, token = newest[0]
        day = date(2026, 11, 19)
        self._known: dict[str, Any] = {
            "merchant_id": DEFAULT_MERCHANT, "provider": "stripe", "account": "main", "limit": LIMIT, "most": 4000,
            "others": 999, "intervals": 3, "at_least": 600.0, "repeats": 10, "usual_tries": 2, "bucket_seconds": 60,
            "most_runs": 20, "comparison": 1, "by_payer": True, "only_in_force": True, "is_open": None,
            "is_fresh": True,
            "reference": f"r{number}", "token": token, "tokens": [token], "payer_reference": "payer",
            "purpose": f"p{number}",
            "purposes": [f"p{number}"], "key": f"k{number}", "keys": [f"e{number}"], "key_hash": b"h",
            "hashes": [b"h"], "ref": f"pi_{number}", "refs": [f"pi_{number}"], "kinds": ["payment_intent"],
            "providers": ["stripe"], "accounts": ["main"], "merchants": [DEFAULT_MERCHANT], "modes": ["test"],
            "fingerprint": f"stuck_order:{number}", "fingerprints": [f"stuck_order:{number}"],
            "found_by": "invariants", "resent": ["mail"], "claimed": ["invite"],
            "known": ["invite"], "job": "monitor", "name": None, "names": ["monitor"],
            "route": None, "routes": ["mail"], "tone": "raised", "kind": None, "type": None, "owner": None,
            "severity": None, "state": None, "payee": "club", "payees": ["club"], "numbers": [1], "sku": "ball",
            "skus": ["ball"], "currency": "USD", "currencies": ["USD"], "thresholds": [1], "doubts": ["in_doubt"],
            "clearing": "clearing:stripe:main", "object_kinds": ["payment_intent"], "object_refs": [f"pi_{number}"],
            "page_size": LIMIT, "day": day, "first": day, "last": day, "recent": day, "near_days": [day],
            "after_day": None, "after_provider": "", "after_account": "", "after_kind": "", "after_ref": "",
            "ours_after_kind": "", "ours_after_ref": "", "upto_ref": "txn_", "ours_upto_kind": "", "ours_upto_ref": "",
            "setting": "32768", "horizon": timedelta(days=7),
            "margin": timedelta(minutes=5), "pause": timedelta(minutes=15), "before:uuid": None,
            "since": NOW - _HOUR, "from_at": NOW - timedelta(hours=36), "to_at": NOW - timedelta(hours=12),
            "after_at": NOW - timedelta(hours=36), "ours_after_at": NOW - timedelta(hours=36),
            "upto_at": NOW - timedelta(hours=12), "ours_to_at": NOW - timedelta(hours=12),
            "ours_upto_at": NOW - timedelta(hours=12),
            "near_from": NOW - timedelta(hours=37), "near_to": NOW - timedelta(hours=11),
            # What an installation keeps stands as long as it says; nothing here is that old, as after each erasure.
            "bodies_before": NOW - timedelta(days=4000), "counts_before": NOW - timedelta(days=4000),
            "receipts_before": first_at(NOW - timedelta(days=4000)),
            "evidence_before": NOW - timedelta(days=4000), "payers_before": NOW - timedelta(days=4000),
        }  # fmt: skip
        subjects, sources, events, targets = (list(each) for each in zip(*written_arrows(), strict=True))
        self._known |= {"subjects": subjects, "sources": sources, "events": events, "targets": targets}

    def of(self, query: Query) -> dict[str, Any]:
        """The parameters of one question. Raises KeyError for one that nothing is known of."""
        return {name: self._value(name, kind, query) for name, kind in _PARAMETER.findall(query.sql)}

    def _value(self, name: str, kind: str, query: Query) -> Any:
        for known in (f"{name}:{kind}", name):
            if known in self._known:
                return self._known[known]
        if kind == "uuid[]":
            return self._ids * (4 if name == "subject_ids" else 1)
        if kind == "uuid":
            return {"to_id": first_at(NOW), "from_id": first_at(NOW - _HOUR), "after": first_at(NOW - _HOUR)}.get(
                name, self._ids[-1]
            )
        if kind == "timestamptz":
            return NOW if name == "now" else NOW - timedelta(days=2)
        if kind == "text" and name == "after":
            return "pi_" if "handle_ref" in query.sql else ""
        raise KeyError(f"{query.name}: {name} {kind}")


def pages(connection: psycopg.Connection[Any], query: Query, params: Mapping[str, Any]) -> int:
    """How many pages of tables and indexes it looks at. Whatever it locks is let go again."""
    with connection.transaction(force_rollback=True):
        said = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {query.sql}", params).fetchone()
    assert said is not None
    plan = said[0] if isinstance(said[0], list) else json.loads(said[0])
    node = plan[0]["Plan"]
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


def asked(url: str) -> dict[str, int]:
    """The pages that every question reads there."""
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        # As our own server has it; and one process alone, so that pages are counted once.
        connection.execute("SET random_page_cost = 1.1")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        values, found = Values(connection), {}
        for name, query in every_question().items():
            params = values.of(query)
            # Once before it counts: a first planning looks at the catalogue.
            pages(connection, query, params)
            found[name] = pages(connection, query, params)
        return found
