"""Rules of making: one object for one attempt, known by our own id."""

from __future__ import annotations

from payonce.base.errors import Refused
from payonce.providers.contract import Done, NotDone
from payonce.testing.conformance.bench import Bench, came, payments
from payonce.testing.conformance.rules import need, rule


@rule("The same ask gives the same bytes, and what is stored of a call holds no secret.")
def the_same_bytes(bench: Bench) -> None:
    ask = bench.ask()
    first, second = bench.till.prepare(ask), bench.till.prepare(ask)
    need(first == second, "two calls of one ask differ")
    stored = repr((first.method, first.path, first.body, first.idempotency_key))
    need(not any(secret in stored for secret in bench.case.secrets), "a stored call holds a secret")


@rule("A create makes one object, which its handle leads to and which is paid once, in full.")
def one_object(bench: Bench) -> None:
    made = bench.make()
    attempt = made.ask.attempt_id
    need(bench.party.truth.payable_attempts() == {attempt}, "the provider has not one payable object of the attempt")
    word = bench.pay(made)
    need(word == "succeeded", f"who follows the handle sees {word!r}")
    bench.hear()
    came_in = bench.captures(made)
    need(len(came_in) == 1, f"the attempt was paid {len(came_in)} times")
    told = (came_in[0].amount_minor, came_in[0].currency)
    need(told == (bench.case.amount_minor, bench.case.currency), f"the payer was charged {told}")
    need(bench.pay(made) == "refused", "what is paid can be paid again")
    need(not bench.party.truth.payable_attempts(), "something can still be paid")


@rule("Our attempt's id travels with the create, and comes back in the answer, in every read and in every notice.")
def our_id_comes_back(bench: Bench) -> None:
    made, heard = bench.paid()
    attempt = made.ask.attempt_id
    read = bench.read(made.handle.ref)
    need(isinstance(read, Done), f"the read was answered {read!r:.200}")
    told = {"the answer": made.outcome.observations, "a read": read.observations if isinstance(read, Done) else ()}
    told |= {"a notice": tuple(one for each in heard for one in each.seen)}
    for where, observations in told.items():
        need(payments(observations), f"{where} tells of no payment")
        strangers = [one for one in observations if one.seen.attempt_id not in (attempt, None)]
        need(not strangers, f"{where} names another attempt")
        need(any(one.seen.attempt_id == attempt for one in observations), f"{where} does not name the attempt")
    need(bench.captures(made), "the provider's books do not know the attempt")


@rule("What a read tells of the money is what came in, by the id that the provider counts it by.")
def money_is_told_exactly(bench: Bench) -> None:
    made, heard = bench.paid()
    read = bench.read(made.handle.ref)
    truth = {one.id: one.amount_minor for one in bench.captures(made)}
    seen = read.observations if isinstance(read, Done) else ()
    told = {ref.id: amount for ref, amount in came(seen).items()}
    need(told == truth, f"a read tells {told}, and {truth} came")
    currencies = {one.currency for one in payments(seen)} - {None}
    need(currencies == {bench.case.currency}, f"a read tells {currencies}")
    notices = {ref.id: amount for each in heard for ref, amount in came(each.seen).items()}
    need(notices == truth, f"the notices tell {notices}, and {truth} came")


@rule(
    "A stored create that is sent again makes no second object, and is never answered with a clear no.",
    applies=lambda capabilities: capabilities.idempotency != "none",
)
def a_create_again(bench: Bench) -> None:
    made = bench.make()
    again = bench.run(bench.till.create(made.call))
    need(not isinstance(again, NotDone), f"the repetition was answered {again!r:.200}")
    if isinstance(again, Done):
        need(again.handle is None or again.handle.ref == made.handle.ref, "the repetition made another object")
    bench.pay(made)
    need(not bench.party.truth.payable_attempts(), "a second object can be paid")


@rule("An object has a name of ours exactly where idempotency is `natural`, and it follows from the stored call alone.")
def a_natural_name(bench: Bench) -> None:
    made = bench.make()
    own = bench.adapter.own_ref(made.call)
    if bench.capabilities.idempotency != "natural":
        need(own is None, f"own_ref gives {own}, and names are not ours")
        return
    need(own == made.handle.ref, f"own_ref gives {own}, and the object is {made.handle.ref}")


@rule("What can never be paid there is refused before anything is sent.")
def what_cannot_be_paid(bench: Bench) -> None:
    wishes = [(0, bench.case.currency), (-1, bench.case.currency)]
    taken = bench.capabilities.currencies
    if taken is not None and bench.case.other_currency not in taken:
        wishes.append((bench.case.amount_minor, bench.case.other_currency))
    for amount_minor, currency in wishes:
        try:
            bench.till.prepare(bench.ask(amount_minor=amount_minor, currency=currency))
        except Refused:
            continue
        need(False, f"a create of {amount_minor} {currency} was prepared")
    need(not bench.wire.sent, "something was sent")
    why = bench.capabilities.why_not(bench.case.amount_minor, bench.case.currency)
    need(why is None, f"capabilities refuse an ordinary order: {why}")
