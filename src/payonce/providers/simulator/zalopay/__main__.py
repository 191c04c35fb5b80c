"""The ZaloPay simulator as a process of its own: `python -m payonce.providers.simulator.zalopay --port 4243`.

Prints one line of JSON with its address once it listens, then serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from payonce.providers.simulator.serve import LOOPBACK, listen, make_server
from payonce.providers.simulator.zalopay.kept import KeptZaloPaySimulator
from payonce.providers.simulator.zalopay.settings import Settings
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator


def main() -> None:
    """Read the options, listen, say where, serve."""
    parser = argparse.ArgumentParser(prog="zalopay-simulator", description="A stand-in for ZaloPay. No real money.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--refund-settles-after", type=float, help="seconds until a refund succeeds by itself")
    parser.add_argument("--payment-settles-after", type=float, help="seconds until a slow payment ends by itself")
    parser.add_argument("--journal", type=Path, help="remember everything in this file across restarts")
    options = parser.parse_args()
    settings = Settings(
        refund_settles_after=options.refund_settles_after, payment_settles_after=options.payment_settles_after
    )
    journal: Path | None = options.journal
    sim = ZaloPaySimulator(settings=settings) if journal is None else KeptZaloPaySimulator(journal, settings)
    listener = listen(LOOPBACK, options.port)
    sim.base_url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    sys.stdout.write(json.dumps({"base_url": sim.base_url}) + "\n")
    sys.stdout.flush()
    make_server(sim).run([listener])


if __name__ == "__main__":
    main()
