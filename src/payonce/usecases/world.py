"""What use cases are handed: the database, providers, time, ids, chance and the merchant's policy. Nothing else is
used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.base.errors import Bug, Refused
from payonce.base.ids import Ids
from payonce.domain.book import AccountFacts, Rules
from payonce.domain.breaker import Breaker, tightest
from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.domain.telling import Running, Telling
from payonce.domain.watch import Watch
from payonce.providers.gateway import ProviderLooker, ProviderRefunder, ProviderTill
from payonce.store.database import Database, T, Tx
from payonce.usecases.run_context import RunContext
from payonce.usecases.together import Together

DEFAULT_MERCHANT = "default"


class ReadingDatabase:
    """The port over `inner`, whose transactions the database itself keeps from writing."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` in a transaction that only reads, whatever it asks for; see the port."""
        return await self._inner.transaction(work, name=name, read_only=True)


@dataclass(frozen=True, slots=True)
class World:
    """One installation as a use case sees it. `tills` are the provider accounts, by (provider, account)."""

    database: Database
    clock: Clock
    ids: Ids
    chance: Chance
    tills: Mapping[tuple[str, str], ProviderLooker]
    # The merchant that each account belongs to; an account belongs to one merchant.
    merchants: Mapping[tuple[str, str], str]
    # What is owed on which occasion. Read when something is settled, so effects are declared before the first event.
    kinds: list[EffectKind] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)
    # How payers of an account pay where a click does not say; else the first flow that the account knows.
    flows: Mapping[tuple[str, str], str] = field(default_factory=dict)
    # Where a payer is led back to whose order names no page of its own.
    landing_url: str = ""
    # Where providers that are told so with every payment send their events, without the path; empty: nowhere.
    public_url: str = ""
    # What single merchants decided for themselves; the others have `policy`.
    policies: Mapping[str, Policy] = field(default_factory=dict)
    # What the monitor takes for too long, too late and too often.
    watch: Watch = field(default_factory=Watch)
    # When a run does far more than usual.
    breaker: Breaker = field(default_factory=Breaker)
    # The run of a job that is at work; none: a request.
    run: RunContext | None = None
    # What gathers clicks that come at the same moment; none: each is decided by itself.
    together: Together | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the run at work is to end: what goes through many rows asks between two of them (A10)."""
        return self.run is not None and bool(self.run.stop_because)

    def till(self, provider: str, account: str) -> ProviderTill:
        """The account with the means to create payments. Raises Refused `provider_unknown`; Bug in a job's world
        (A8).
        """
        found = self.looker(provider, account)
        if not isinstance(found, ProviderTill):
            raise Bug("a job asked for the means to create a payment")
        return found

    def looker(self, provider: str, account: str) -> ProviderLooker:
        """The account with the means to read, find and close. Raises Refused `provider_unknown` where there is none."""
        found = self.tills.get((provider, account))
        if found is None:
            raise Refused(f"there is no account {account!r} of {provider!r}", code="provider_unknown", param="provider")
        return found

    def policy_of(self, merchant_id: str) -> Policy:
        """What the merchant decided."""
        return self.policies.get(merchant_id, self.policy)

    def rules_of(self, merchant_id: str) -> Rules:
        """What the merchant's books are decided by: its policy, and what its accounts can do."""
        facts = {
            key: AccountFacts(till.capabilities.can_close, till.capabilities.refund != "none")
            for key, till in self.tills.items()
            if self.merchants[key] == merchant_id
        }
        policy = self.policy_of(merchant_id)
        telling = Telling(self.run.notify if self.run else "send", policy.notification_horizon)
        return Rules(policy.surplus, facts, telling, self.running)

    @property
    def running(self) -> Running | None:
        """The run at work, as rows and rules know it."""
        run = self.run
        if run is None:
            return None
        rows = tightest(run.most_rows, self.breaker.rows(run.usual_rows))
        messages = tightest(run.most_messages, self.breaker.messages(run.usual_messages))
        usual = (run.usual_rows, run.usual_messages)
        return Running(run.run_id, run.job, rows, messages, *usual, run.counted, is_counted=not run.is_worker)

    def was_taken_up(self, order_id: UUID) -> None:
        """Say that the run has taken the order up in a transaction that is committed, so that it counts only once."""
        if self.run is not None and not self.run.is_worker:
            self.run.counted.add(order_id)

    def callback_url(self, provider: str, account: str) -> str:
        """Where the account's events go: its own route, so that no other account's secret is tried on them."""
        if not self.public_url:
            return ""
        return f"{self.public_url}/webhooks/{self.merchants[provider, account]}/{provider}/{account}"

    def for_refunds(self) -> World:
        """The same world with accounts that can send money back, and cannot create a payment: the refund worker's."""
        return replace(self, together=None, tills={key: till.as_refunder() for key, till in self.tills.items()})

    def refunder(self, provider: str, account: str) -> ProviderRefunder:
        """The account with the means to send money back. Raises Refused `provider_unknown`; Bug in any other world."""
        found = self.looker(provider, account)
        if not isinstance(found, ProviderRefunder):
            raise Bug("somebody other than the refund worker asked for the means to send money back")
        return found

    def for_jobs(self) -> World:
        """The same world without any means to create a payment: what every job is handed."""
        return replace(self, together=None, tills={key: till.as_looker() for key, till in self.tills.items()})

    def for_looking(self) -> World:
        """The same world for a look without any effect: nothing can be written, and nobody called (S17)."""
        tills = {key: till.as_silent() for key, till in self.tills.items()}
        return replace(self, database=ReadingDatabase(self.database), tills=tills, together=None)

    def accounts_of(self, merchant_id: str, provider: str | None = None) -> list[tuple[str, str]]:
        """The merchant's accounts as (provider, account), in the order of configuration."""
        return [
            key for key in self.tills if self.merchants[key] == merchant_id and (provider is None or key[0] == provider)
        ]
