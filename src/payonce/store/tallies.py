"""Tallies of runs: how many orders a run took up and how many messages it owed, counted where that is committed.

The count is a row with a check, so that no rerun of a transaction, no crash and no batch leads beyond a cap (S18): the
transaction that would pass it is rolled back as a whole, and raises RunStopped.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from payonce.base.errors import PayonceError, RunStopped
from payonce.domain.telling import Running
from payonce.store import queries
from payonce.store.database import Meanings, Tx

TALLIES: Final = queries.load("tallies")


def charge(tx: Tx, merchant_id: str, run: Running, order_ids: Collection[UUID], effect_ids: Sequence[UUID]) -> None:
    """Count what this transaction takes up and whom it tells, with its COMMIT. Where a cap is passed that raises
    RunStopped `run_rows_cap` or `run_messages_cap`.
    """
    touched = len(set(order_ids) - run.counted)
    if run.is_counted and (touched or effect_ids):
        tx.later(
            TALLIES.charge_run, merchant_id=merchant_id, run_id=run.id, job=run.job, touched=touched,
            effect_ids=list(effect_ids), most_touched=run.most_rows, most_messages=run.most_messages, now=tx.now,
            usual_touched=run.usual_rows, usual_messages=run.usual_messages,
        )  # fmt: skip


def _too_many_rows(words: str) -> PayonceError:
    return RunStopped("the run would take up more than its cap; it stopped before", code="run_rows_cap")


def _too_many_messages(words: str) -> PayonceError:
    return RunStopped("the run would tell more people than its cap; it stopped before", code="run_messages_cap")


# What the checks of the row mean where one is violated.
MEANINGS: Final[Meanings] = {
    "run_touches_no_more_than_its_cap": _too_many_rows,
    "run_tells_no_more_than_its_cap": _too_many_messages,
}
