"""The simulator as a process of its own: `python -m payonce.providers.simulator.nowpayments --port 4243`.

Prints one line of JSON with its address and its credentials once it listens, then serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from payonce.providers.simulator.nowpayments.kept import KeptNowPaymentsSimulator
from payonce.providers.simulator.nowpayments.settings import Settings
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.serve import LOOPBACK, listen, make_server


def main() -> None:
    """Read the options, listen, say where, serve."""
    parser = argparse.ArgumentParser(
        prog="nowpayments-simulator", description="A stand-in for NOWPayments. No real money."
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--ipn-secret", help="signs the notices; empty: none are sent")
    parser.add_argument("--step-seconds", type=float, default=0.0, help="between the statuses of a deposit")
    parser.add_argument("--journal", type=Path, help="remember everything in this file across restarts")
    options = parser.parse_args()
    settings = Settings(step_seconds=options.step_seconds)
    if options.ipn_secret is not None:
        settings.ipn_secret = options.ipn_secret or None
    journal: Path | None = options.journal
    sim = NowPaymentsSimulator(settings=settings) if journal is None else KeptNowPaymentsSimulator(journal, settings)
    listener = listen(LOOPBACK, options.port)
    sim.base_url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    told = {"base_url": sim.base_url, "api_key": settings.api_key, "email": settings.email}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    make_server(sim).run([listener])


if __name__ == "__main__":
    main()
