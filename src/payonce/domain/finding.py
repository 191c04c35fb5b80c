"""A finding: a difference that a person or a policy must resolve, with the money at risk and a deadline.

A finding is known by its fingerprint: the same difference seen again counts up and opens nothing new. Checks only write
findings; putting right is another act.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

Severity = Literal["critical", "warning", "notice"]


# How sure a finding of a kind is. Most are read from our own rows, where there is nothing to doubt.
CERTAIN: Final = "certain: our own rows say so"
TOLD: Final = "as sure as what the provider told"
MEASURED: Final = "measured: a rate or an age passed a limit; a quiet day can look like it"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of finding means, how grave it is, who should look, until when, what to do, and how sure it is."""

    name: str
    severity: Severity
    owner: str
    deadline: timedelta
    means: str
    next_step: str
    how_sure: str = CERTAIN


_DAY: Final = timedelta(days=1)
# Money of a payer that we hold without a reason is put right within three days; questions of state within one.
_MONEY: Final = timedelta(days=3)

_ROWS: Final = (
    Kind("second_charge", "critical", "finance", _MONEY, "a paid order was paid again; the money serves nothing",
         "send it back: `payonce refunds ask ORDER --of surplus`, with --by-hand where its provider cannot refund"),
    Kind("late_payment", "critical", "finance", _MONEY, "a closed order was paid and cannot simply be revived",
         "let it pay: `payonce orders accept ORDER`, or send it back: `payonce refunds ask ORDER --of surplus`"),
    Kind("over_payment", "warning", "finance", _MONEY, "an order was paid more than it asks",
         "send it back: `payonce refunds ask ORDER --of surplus`, with --by-hand where its provider cannot refund"),
    Kind("amount_differs", "warning", "support", _MONEY, "an order was paid less than it asks and waits for the rest",
         "ask the payer for the rest, or refund what came"),
    Kind("currency_differs", "critical", "finance", _MONEY, "a payment came in another currency than the order asks",
         "look at the payment at the provider; refund it, or settle by hand"),
    Kind("mode_differs", "critical", "developers", _DAY, "a test event came to a live account, or the reverse",
         "correct the endpoint's address or secret at the provider"),
    Kind("account_differs", "critical", "finance", _DAY, "a payment of one account names an attempt of another one",
         "look at the payment in that account; refund it, and look for who made it"),
    Kind("unknown_attempt", "critical", "developers", _DAY, "a payment carries an attempt of ours that is not recorded",
         "look for a restored backup or a second installation on the same account"),
    Kind("dispute_opened", "critical", "finance", timedelta(days=5), "a payer's bank took money of an order back",
         "answer the dispute at the provider before its date"),
    Kind("refund_planned", "warning", "finance", _MONEY, "a refund waits for approval: it is above what goes by itself",
         "approve or cancel it: `payonce refunds plan`"),
    Kind("refund_failed", "critical", "finance", _DAY, "the provider failed a refund at every try",
         "ask the payer for another way, send it by hand, then resolve this with the reason"),
    Kind("refund_in_doubt", "critical", "finance", _DAY, "a refund was sent, its key is too old to repeat it, and the "
         "provider's list does not show it",
         "look for it at the provider; say that it was done, or cancel it and ask anew"),
    Kind("returned_twice", "critical", "finance", _DAY, "more was returned than was received for a payment",
         "look at the refunds and disputes of the payment at the provider"),
    Kind("return_undone", "critical", "finance", _MONEY, "money of a released order came back: its refund failed",
         "give it back to the payer by another refund or another way; the order stays released"),
    Kind("payout_overpaid", "warning", "finance", _MONEY, "a share of an order was paid out, and then its money "
         "went back",
         "nothing while the payee gets more payouts: the next one is less by it; else ask the payee for it"),
    Kind("money_came_back", "warning", "support", _MONEY, "an order's money came back after what was paid for was "
         "undone or held: a refund failed, or a dispute was won",
         "decide whether it shall be done again (`payonce effects retry`), or give the money back another way"),
    Kind("unknown_effect", "warning", "developers", _DAY, "an effect was begun and nobody knows whether it was done",
         "ask the receiver, then mark it done or send it again"),
    Kind("dead_effect", "critical", "developers", _DAY, "an effect failed at every try",
         "mend the receiver, then retry the effect"),
    Kind("repeated_effect", "warning", "developers", _DAY, "an effect was delivered twice, or is tried more than twice",
         "look at its tries; ask the receiver whether it took the repetition for what it is"),
    Kind("held_effect", "warning", "support", _DAY, "an effect waits: the order's money was returned or disputed",
         "decide whether it shall still be done"),
    Kind("event_quarantined", "critical", "developers", _DAY, "an event could not be applied at any try",
         "read its reason, mend it, then replay the event"),
    Kind("out_of_reach", "critical", "finance", _DAY, "nobody knows whether a payment ended, and its provider answers "
         "no more for one that old",
         "look for it in the provider's own tools or its settlement file"),
    Kind("event_unconfirmed", "warning", "developers", _DAY, "a notice tells more than its provider says when asked",
         "look at the payment at the provider; a replayed old notice does no harm"),
    Kind("event_changed", "warning", "developers", _DAY, "two deliveries of one event differ in their bodies",
         "compare the object at the provider with both"),
    Kind("job_trouble", "critical", "developers", _DAY, "a job met an error with one order and went on without it",
         "read the error, mend its cause; the job tries again by itself"),
    Kind("job_breaker", "critical", "developers", _DAY, "a run of a job would have done more than its cap, or ten "
         "times its usual; it stopped itself, and the job waits",
         "see what it takes up: `payonce jobs run JOB --dry`; mend that, or let it go on: `payonce jobs resume JOB`"),
    Kind("remainder_too_small", "warning", "support", _MONEY, "an order misses less than any provider takes",
         "waive the rest and settle by hand, or refund what came"),
    Kind("orphaned_payment", "critical", "finance", _DAY, "a payment that carries our marks and that nobody wants paid "
         "can still be paid, and its provider does not close it",
         "close it in the provider's dashboard"),
    Kind("list_silent", "critical", "developers", _DAY, "a provider's list is refused, or was not read for an hour: "
         "what webhooks miss is not found there",
         "let the API key read events, sessions, intents, refunds and disputes; look whether the provider is up"),
    Kind("list_hole", "critical", "developers", _DAY, "a provider's list was not read for longer than it reaches back",
         "compare the account with a reconciliation of those days: what its log held is gone"),
    Kind("stuck_close", "critical", "finance", _DAY, "an attempt that must not be paid any more cannot be closed",
         "close it in the provider's dashboard, or decide which payment serves the order"),
    # What the monitor finds. It looks again every half hour, and resolves by itself what is so no more.
    Kind("duplicate_reference", "critical", "finance", _DAY, "two orders say that one provider payment is theirs",
         "look at the payment at the provider: the order that it names keeps it; the other one was imported or written "
         "beside payonce, and is closed with `payonce orders cancel ORDER` where it is not paid"),
    Kind("stuck_order", "warning", "support", _DAY, "an order is neither paid nor free to be paid, though its time is "
         "long over",
         "see why with `payonce orders explain ORDER`; if the provider answers, look whether the job `resolve` runs"),
    Kind("stuck_effect", "critical", "developers", _DAY, "what is owed was due long ago and nobody took it up",
         "look whether a worker runs (`payonce jobs list`) and what its last try said (`payonce effects list`)"),
    Kind("repeated_processing", "notice", "developers", timedelta(days=7), "one payment was told again and again; each "
         "repetition was taken for what it is and changed nothing",
         "look who repeats it: a provider that never gets our answer, or a page that reloads"),
    Kind("provider_silent", "critical", "developers", _DAY, "payments were confirmed without a call from the provider",
         "compare address and secret in its dashboard with `payonce doctor`; until then payments are found only by "
         "asking, up to 15 minutes late", MEASURED),
    Kind("webhook_lag", "warning", "developers", _DAY, "the provider's events reach us late",
         "look at its status page, and whether our answers to it are slow or failing", MEASURED),
    Kind("checkout_refusals", "warning", "support", timedelta(hours=4), "most people who want to pay are refused",
         "open the payment link of an order that should be payable; `payonce orders explain ORDER` says what is wrong",
         MEASURED),
    Kind("unhandled_events", "notice", "developers", timedelta(days=30), "the provider sends a type of event that "
         "nobody handles",
         "nothing, if it is not about payments; else switch the type off at the provider, or ask for its handling"),
    Kind("job_stale", "critical", "developers", timedelta(hours=4), "a job that should run did not end well for a long "
         "time",
         "see its last error with `payonce jobs show JOB`, and whether a worker runs at all; one that no process runs "
         "because of PAYONCE_JOB_… is paused or retired by `payonce jobs`, so that everybody knows"),
    Kind("ledger_unbalanced", "critical", "finance", _DAY, "what is posted is not what came and went",
         "pay nothing out by hand, and report it: `payonce prove` shows the rows; it is put right by reversal"),
    Kind("invariant_broken", "critical", "developers", _DAY, "what payonce promises to hold always holds no more",
         "look for rows that were written beside payonce; report it with what `payonce prove` says"),
    Kind("payout_held", "warning", "finance", _MONEY, "what a payee is owed waits, because money of its order is in "
         "doubt",
         "see why with `payonce orders explain ORDER`; it goes on by itself once the doubt is resolved"),
    # What reconciliation finds: a provider's own money records against ours. They resolve when the difference is gone.
    Kind("reconcile_only_there", "critical", "finance", _MONEY, "a provider has money that carries our mark, and "
         "nothing here records it, even after the provider was asked",
         "look at the payment at the provider: an attempt that is not known here points to a restored backup or a "
         "second installation; refund it there, or settle by hand", TOLD),
    Kind("reconcile_duplicate", "critical", "finance", _MONEY, "a provider's records hold one payment more than once",
         "look whether the payer was charged twice; send the second charge back at the provider", TOLD),
    Kind("reconcile_differs", "critical", "finance", _MONEY, "a provider's records and ours say different amounts of "
         "one payment, refund or dispute",
         "compare both with `payonce reconcile show DAY`; the provider's records are the truth about money", TOLD),
    Kind("reconcile_only_here", "critical", "finance", _MONEY, "we recorded money that the provider's own records do "
         "not have",
         "look for it at the provider before anything more is delivered for it; a forged event looks like this", TOLD),
    Kind("reconcile_hole", "warning", "finance", _DAY, "days of a provider's account were never compared with ours",
         "run `payonce reconcile run`, or bring the settlement files: `payonce reconcile import FILE`"),
)  # fmt: skip
# Kinds that are known by a provider's object: its name begins with provider and account.
_KNOWN_BY_REFERENCE: Final = frozenset(
    "second_charge late_payment over_payment currency_differs mode_differs account_differs unknown_attempt "
    "dispute_opened returned_twice return_undone event_changed".split()
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _ROWS}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference found. `about` makes the fingerprint together with the kind.

    `counted` and `orders`: how many things and orders it stands for; None: one more at every sighting, and its own
    order. `found_by`: the check that returns it as long as it lasts. `evidence`: rows as `order:<uuid>`, or names of a
    provider's objects; what `order_id` and `detail` name is added by itself.
    """

    id: UUID
    kind: str
    about: str
    order_id: UUID | None
    money_minor: int
    currency: str | None
    detail: Mapping[str, str] = field(default_factory=dict)
    counted: int | None = None
    orders: int | None = None
    evidence: tuple[str, ...] = ()
    found_by: str | None = None
    provider: str | None = None
    # Graver than its kind usually is; never milder.
    severity: Severity | None = None

    @property
    def fingerprint(self) -> str:
        return f"{self.kind}:{self.about}"

    @property
    def of_provider(self) -> str | None:
        """Whose provider it is about, where it is about one: lists and alerts choose by it."""
        named = self.provider or self.detail.get("provider")
        if named is None and self.kind in _KNOWN_BY_REFERENCE and not self.about.startswith("reference:"):
            named = self.about.partition(":")[0]
        return named

    @property
    def seen_by(self) -> list[str]:
        """The evidence: what a person opens to see it."""
        own = [f"order:{self.order_id}"] if self.order_id is not None else []
        for name in ("attempt", "effect", "event_id", "refund"):
            with suppress(ValueError, KeyError):
                own.append(f"{name.removesuffix('_id')}:{UUID(self.detail[name])}")
        return list(dict.fromkeys([*own, *self.evidence]))
