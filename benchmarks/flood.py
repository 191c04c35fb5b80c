"""One merchant who floods, and another on the same processes whose events come one by one: how long do they wait?"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.load import Plan, Result
from benchmarks.place import Place
from benchmarks.service import payonce, play
from benchmarks.settling import Side

# The quiet merchant: its name, its account, and where its orders begin.
MERCHANT: Final = "quiet"
ACCOUNT: Final = "second"
FIRST: Final = 90_000_001
SECRET: Final = "whsec_of_the_quiet_one_1234567890"
RATE: Final = 40.0
FLOODERS: Final = 256
_CONFIG: Final = f"""
[[accounts]]
provider = "stripe"
account = "{ACCOUNT}"
merchant = "{MERCHANT}"
api_key = "sk_test_of_the_quiet_one_1234567890"
webhook_secret = "{SECRET}"
api_base = "http://127.0.0.1:9"
flow = "payment_intent"
"""


def waits(place: Place, *, orders: int, seconds: float, processes: int = 2) -> dict[str, Side]:
    """The quiet merchant alone, the same beside the flood, and the flood. RuntimeError where an answer is wrong."""
    place.fresh()
    many = int(RATE * (seconds + 1)) + 1
    with psycopg.connect(place.dsn(), autocommit=True) as connection:
        connection.execute("CALL bench_orders(%s, %s, %s, %s)", (FIRST, FIRST + 2 * many - 1, MERCHANT, ACCOUNT))
    with tempfile.TemporaryDirectory(prefix="payonce-bench-flood-") as folder, ThreadPoolExecutor(1) as beside:
        config = Path(folder) / "payonce.toml"
        config.write_text(_CONFIG)
        with payonce(place.dsn(), processes, PAYONCE_CONFIG=str(config)) as running:
            ports = [each.port for each in running]

            def quiet(first: int) -> Result:
                path = f"/webhooks/{MERCHANT}/stripe/{ACCOUNT}"
                plan = Plan(ports=ports, path=path, secret=SECRET, first=first, count=many)
                return play(replace(plan, callers=16, rate=RATE, seconds=seconds))

            alone = quiet(FIRST)
            # It begins before the other and ends after it.
            plan = Plan(ports=ports, path="/webhooks/default/stripe", count=orders, callers=FLOODERS)
            flood = beside.submit(play, replace(plan, seconds=seconds + 3.0))
            among = quiet(FIRST + many)
            told = {"quiet merchant": alone, "the same beside a flood": among, "the flood": flood.result()}
    return {name: Side(name, of.rate, of.p50, of.p99, of.mean, of.answered) for name, of in told.items()}
