"""The simulators that stand in where no provider is configured: served from threads of this process, remembered between
starts, and reached like the providers themselves. No real money moves, and none of them ever stands beside an account
that is real.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from payonce.accounts import (
    SIMULATED,
    NowPayments,
    NowPaymentsFlow,
    Real,
    Simulated,
    Stripe,
    StripeFlow,
    ZaloPay,
)
from payonce.base.errors import Unavailable
from payonce.installation import reachable
from payonce.kept_secret import kept_secret

if TYPE_CHECKING:
    from payonce.providers.simulator.serve import Running

# A key as Stripe's look, for a provider that takes any.
STRIPE_KEY: Final = "sk_test_of_the_simulator"


@dataclass(frozen=True, slots=True)
class Kind:
    """How the simulator of a provider is made from its journal, and the account by which payonce reaches it.

    `secret` makes what proves its notices; `subscribe` tells it where they go, where payments do not say so themselves.
    """

    make: Callable[[Path, str], Any]
    account: Callable[[Simulated, str, str], Real]
    secret: Callable[[], str]
    subscribe: Callable[[Any, str, str], None] | None = None


def _stripe(journal: Path, secret: str) -> Any:
    from payonce.providers.simulator.stripe.kept import KeptStripeSimulator

    return KeptStripeSimulator(journal)


def _as_stripe(wished: Simulated, base_url: str, secret: str) -> Real:
    return Stripe(
        api_key=STRIPE_KEY, webhook_secrets=[secret], account=wished.account, api_base=base_url,
        flow=cast(StripeFlow, wished.flow or "checkout_session"), merchant_id=wished.merchant_id,
    )  # fmt: skip


def _zalopay(journal: Path, secret: str) -> Any:
    from payonce.providers.simulator.zalopay.kept import KeptZaloPaySimulator
    from payonce.providers.simulator.zalopay.settings import Settings

    return KeptZaloPaySimulator(journal, Settings(key2=secret))


def _as_zalopay(wished: Simulated, base_url: str, secret: str) -> Real:
    from payonce.providers.simulator.zalopay.settings import Settings

    told = Settings()
    return ZaloPay(
        app_id=str(told.app_id), key1=told.key1, key2s=[secret], account=wished.account, api_base=base_url,
        merchant_id=wished.merchant_id,
    )  # fmt: skip


def _nowpayments(journal: Path, secret: str) -> Any:
    from payonce.providers.simulator.nowpayments.kept import KeptNowPaymentsSimulator
    from payonce.providers.simulator.nowpayments.settings import Settings

    return KeptNowPaymentsSimulator(journal, Settings(ipn_secret=secret))


def _as_nowpayments(wished: Simulated, base_url: str, secret: str) -> Real:
    from payonce.providers.simulator.nowpayments.settings import Settings

    told = Settings()
    return NowPayments(
        api_key=told.api_key, ipn_secrets=[secret], account=wished.account, api_base=base_url, email=told.email,
        password=told.password, flow=cast(NowPaymentsFlow, wished.flow or "invoice"), merchant_id=wished.merchant_id,
    )  # fmt: skip


KINDS: Final[Mapping[str, Kind]] = {
    "stripe": Kind(
        _stripe, _as_stripe, lambda: f"whsec_{secrets.token_hex(16)}",
        lambda sim, url, secret: sim.add_endpoint(url, secret),
    ),
    "zalopay": Kind(_zalopay, _as_zalopay, lambda: secrets.token_hex(16)),
    "nowpayments": Kind(_nowpayments, _as_nowpayments, lambda: secrets.token_hex(16)),
}  # fmt: skip


@dataclass(slots=True)
class Simulation:
    """A running simulator, and the account by which payonce reaches it. `url` is where this machine reaches it; payers
    may know it by another name.
    """

    running: Running[Any]
    url: str
    account: Real
    _secret: str
    _lock: IO[bytes]

    def deliver_to(self, webhook_url: str) -> None:
        """Send the events that are written from now on to `webhook_url`, where payments do not say it themselves."""
        subscribe = KINDS[self.account.provider].subscribe
        if subscribe is not None:
            subscribe(self.running.sim, webhook_url, self._secret)

    def stop(self) -> None:
        """Stop serving it. What it knows stays in its journal."""
        self.running.stop()
        self._lock.close()


def start_simulator(wished: Simulated, data_dir: Path) -> Simulation:
    """Serve the simulator of a provider, as it was when it last stopped. Raises Unavailable `port_taken`,
    `simulator_taken`.
    """
    from payonce.providers.simulator.serve import start_in_thread

    kind, name = KINDS[wished.provider], _name(wished)
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = _alone(data_dir, name)
    # The secret stays, because the endpoint is known by it when the service comes back at another port.
    secret = kept_secret(data_dir / f"{name}_secret", kind.secret)
    sim = kind.make(data_dir / f"{name}.jsonl", secret)
    try:
        running = start_in_thread(sim, host=wished.host, port=wished.port)
    except OSError as error:
        if not wished.may_move:
            lock.close()
            raise Unavailable(
                f"the simulator cannot listen on {wished.host}:{wished.port}: {os.strerror(error.errno or 0)}",
                code="port_taken",
                hint="Something else uses the port. Choose another one: PAYONCE_SIMULATOR_PORT=9001.",
            ) from error
        running = start_in_thread(sim, host=wished.host)
    port = urlsplit(running.base_url).port
    running.sim.base_url = f"http://{wished.seen_as or reachable(wished.host)}:{port}"
    url = f"http://{reachable(wished.host)}:{port}"
    return Simulation(running, url, kind.account(wished, url, secret), secret, lock)


def served_elsewhere(wished: Simulated, data_dir: Path) -> Real:
    """The simulator that another process of this machine serves on its port, or will."""
    kind, path = KINDS[wished.provider], data_dir / f"{_name(wished)}_secret"
    secret = path.read_text("utf-8").strip() if path.is_file() else ""
    return kind.account(wished, f"http://{reachable(wished.host)}:{wished.port or 1}", secret or kind.secret())


def _name(wished: Simulated) -> str:
    """What its files in the data directory begin with."""
    parts = ["simulator", wished.provider if wished.provider != "stripe" else "", wished.account]
    return "_".join(part for part in parts if part and part != SIMULATED)


def _alone(data_dir: Path, name: str) -> IO[bytes]:
    """Hold a simulator of the data directory: two that write one journal would each lose what the other did."""
    lock = (data_dir / f"{name}.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Unavailable(
            f"another process serves the simulator of {data_dir}",
            code="simulator_taken",
            hint="Stop it, or choose another folder: PAYONCE_DATA_DIR. `payonce worker` needs no simulator of its own.",
        ) from error
    return lock
