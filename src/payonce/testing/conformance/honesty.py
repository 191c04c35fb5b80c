"""Rules of honesty: what an adapter says of its provider is so, and what nobody may read is never printed."""

from __future__ import annotations

from typing import Final

from payonce.providers.contract import Done, SendsBack
from payonce.testing.conformance.bench import HOUR, MINUTE, Bench, came, payments
from payonce.testing.conformance.rules import need, rule

MONTHS: Final = 60 * 24 * HOUR


@rule("Capabilities agree with themselves: a key has a life, what ends is a flow, and they never change.")
def capabilities_agree(bench: Bench) -> None:
    said = bench.capabilities
    need(said.flows and len(set(said.flows)) == len(said.flows), f"its flows are {said.flows}")
    need(set(said.expiring_flows) <= set(said.flows), "something expires that is no flow")
    lives = said.idempotency_life_seconds > 0
    need(lives == (said.idempotency != "none"), f"{said.idempotency!r} lives {said.idempotency_life_seconds} s")
    need(said.refund_life_seconds > 0 or said.refund == "none", "a refund can never be sent again")
    need(said == bench.adapter.capabilities, "capabilities change")
    need(bench.adapter.mode == "test", "the account under test is live")


@rule(
    "What was made and paid is found in the list of its time, by our own id.",
    applies=lambda capabilities: capabilities.can_find and capabilities.idempotency != "natural",
)
def found_in_the_list(bench: Bench) -> None:
    made, _ = bench.paid()
    others = [bench.paid()[0].ask.attempt_id for _ in range(2)]
    found = bench.find(made.ask)
    need(isinstance(found, Done), f"the list was answered {found!r:.200}")
    told = {seen.attempt_id for seen in payments(found.observations)} if isinstance(found, Done) else set()
    need({made.ask.attempt_id, *others} <= told, f"it tells of {len(told)} attempts")


@rule("An object ends when it was asked to end.", applies=lambda capabilities: bool(capabilities.expiring_flows))
def ends_in_time(bench: Bench) -> None:
    made = bench.make()
    if made.ask.expires_at is None:
        return
    bench.clock.advance((made.ask.expires_at - bench.clock.now()).total_seconds() + MINUTE)
    need(not bench.party.truth.payable_attempts(), "it can be paid after its end")
    need(bench.pay(made) == "refused", "its payer can pay after its end")
    read = bench.read(made.handle.ref)
    statuses = {seen.status for seen in payments(read.observations)} if isinstance(read, Done) else set()
    need(statuses == {"closed"}, f"after its end it is read as {statuses}")


@rule("What was paid is read as paid until the horizon of reads, and is never called anything else beyond it.")
def the_horizon_of_reads(bench: Bench) -> None:
    made, _ = bench.paid()
    horizon = bench.capabilities.read_horizon_seconds
    bench.clock.advance(MONTHS if horizon is None else horizon - HOUR)
    read = bench.read(made.handle.ref)
    need(isinstance(read, Done) and came(read.observations), f"within the horizon it was answered {read!r:.200}")
    if horizon is not None:
        bench.clock.advance(2 * HOUR)
        beyond = bench.read(made.handle.ref)
        statuses = {seen.status for seen in payments(beyond.observations)} if isinstance(beyond, Done) else set()
        need(statuses <= {"paid", "unknown"}, f"beyond the horizon it is read as {statuses}")


@rule("An object that ended can bring money afterwards only where capabilities say so.", applies=lambda c: c.can_close)
def nothing_after_the_end(bench: Bench) -> None:
    made = bench.make()
    bench.close(made)
    word = bench.pay(made)
    need(bench.capabilities.pays_after_end or word == "refused", f"after its end its payer sees {word!r}")


@rule("Secrets are in no text that an adapter, a request, a call or a handle is printed as.")
def secrets_are_not_printed(bench: Bench) -> None:
    made, heard = bench.paid()
    request = bench.adapter.request(made.call)
    read = bench.read(made.handle.ref)
    shown: list[object] = [bench.adapter, bench.till, made.call, request, made.handle, made.outcome, read]
    shown += [each.verdict for each in heard]
    if isinstance(bench.adapter, SendsBack):
        [capture, *_] = came(read.observations) if isinstance(read, Done) else []
        refund = bench.refunder.prepare_refund(bench.refund_ask(made, capture))
        shown += [refund, bench.adapter.request(refund)]
    told = [*bench.case.secrets, *([made.handle.client_secret] if made.handle.client_secret else [])]
    for each in shown:
        text = f"{each!r} {each}"
        need(not any(secret in text for secret in told), f"{type(each).__name__} prints a secret")
