"""The sums of a day by currency: added up with each slice that is compared, and kept behind the last one, so that they
are of the records that were compared, and a day of millions is not read once more for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Self

from payonce.store import reconciliation as store
from payonce.store.database import Row, Tx
from payonce.store.reconciliation import LINES, Window

# What a slice adds to, as `sum_slice` names it.
OF_SLICES: Final = ("charges", "gross", "fees", "refunds", "disputes", "other", "ours_gross")
# What went back here, which is little beside the payments, and is added up once.
OF_RETURNS: Final = ("ours_refunds", "ours_disputes")


class Sums:
    """What the slices of a day came to so far."""

    def __init__(self, sums: dict[str, dict[str, int]]) -> None:
        self._sums = sums

    @classmethod
    def read(cls, written: dict[str, Any]) -> Self:
        """From a cursor."""
        return cls({currency: dict(sums) for currency, sums in written["sums"].items()})

    def written(self) -> dict[str, Any]:
        """As a part of a cursor."""
        return {"sums": self._sums}

    def add(self, rows: Iterable[Row], names: Iterable[str] = OF_SLICES) -> None:
        """Add what these rows say, each of a currency."""
        names = tuple(names)
        for row in rows:
            sums = self._sums.setdefault(row.currency, dict.fromkeys((*OF_SLICES, *OF_RETURNS), 0))
            for name in names:
                sums[name] += getattr(row, name)

    async def keep(self, tx: Tx, merchant_id: str, window: Window) -> None:
        """Keep them with the COMMIT as those of the day, with what went back here."""
        given = store.of_window(merchant_id, window.key)
        self.add(await tx.rows(LINES.sum_returns, **given, from_at=window.from_at, to_at=window.to_at), OF_RETURNS)
        store.keep_sums(tx, merchant_id, window, self._sums)
