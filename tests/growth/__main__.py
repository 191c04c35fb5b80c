"""What every list, check and payment reads as the past grows tenfold: `make growth`, with five million orders.

    python -m tests.growth --orders 500000 --report dist/growth.json

Prints those that read most, and all that read more behind the larger past than is allowed; exit code 1 for any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.growth.compare import TIMES, Grown, filled, grown
from tests.support.databases import running_server
from tests.support.reports import write_report

# How long the smaller past is; the larger one was sold at the same pace.
DAYS = 20
# How many of those that read most are printed.
SHOWN = 12


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=500_000, help="of the smaller past; the larger one has ten times")
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    with (
        running_server() as server,
        filled(server, given.orders, DAYS) as small,
        filled(server, given.orders * TIMES, DAYS * TIMES) as large,
    ):
        found = grown(small, large)
    for each in sorted(found, key=lambda each: -each.after)[:SHOWN] + [each for each in found if not each.is_bounded]:
        print(f"{each.name:60} {each.before:10,.0f} {each.after:10,.0f} pages{'' if each.is_bounded else '  GROWS'}")
    told = figures(found, given.orders)
    print(told["summary"])
    write_report(given.report, told)
    return 1 if told["grow"] else 0


def figures(found: Sequence[Grown], orders: int) -> dict[str, Any]:
    """What the report says; the first that was measured is a payment."""
    wrong = [each.name for each in found if not each.is_bounded]
    return {
        "summary": f"{len(found) - 1} questions and a payment behind {orders:,} and {orders * TIMES:,} orders: "
        f"{len(wrong)} grow; a payment reads {found[0].before:.0f} and {found[0].after:.0f} pages",
        "questions": len(found) - 1, "orders": orders * TIMES, "grow": wrong,
        "payment": [round(found[0].before), round(found[0].after)], "grown": [asdict(each) for each in found],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
