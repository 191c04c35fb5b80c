"""The Stripe simulator as a process of its own: `python -m payonce.providers.simulator.stripe --port 4242`.

Prints one line of JSON with its address once it listens, then serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from payonce.providers.simulator.serve import LOOPBACK, listen, make_server
from payonce.providers.simulator.stripe.kept import KeptStripeSimulator
from payonce.providers.simulator.stripe.settings import Settings
from payonce.providers.simulator.stripe.simulator import StripeSimulator


def main() -> None:
    """Read the options, listen, say where, serve."""
    parser = argparse.ArgumentParser(prog="stripe-simulator", description="A stand-in for Stripe. No real money.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--webhook-url", help="deliver all events to this address")
    parser.add_argument("--webhook-secret", default="whsec_simulator", help="signs what goes to --webhook-url")
    parser.add_argument("--debit-settles-after", type=float, help="seconds until a bank debit ends by itself")
    parser.add_argument("--journal", type=Path, help="remember everything in this file across restarts")
    options = parser.parse_args()
    settings = Settings(debit_settles_after=options.debit_settles_after)
    journal: Path | None = options.journal
    sim = StripeSimulator(settings=settings) if journal is None else KeptStripeSimulator(journal, settings)
    if options.webhook_url:
        sim.add_endpoint(options.webhook_url, options.webhook_secret)
    listener = listen(LOOPBACK, options.port)
    sim.base_url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    sys.stdout.write(json.dumps({"base_url": sim.base_url}) + "\n")
    sys.stdout.flush()
    make_server(sim).run([listener])


if __name__ == "__main__":
    main()
