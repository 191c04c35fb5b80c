"""Duplicates: what a paid sibling serves already is closed silently, before any job acts on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.usecases.close_duplicates import close_duplicates
from payonce.usecases.set_stock import set_stock
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import INVITE, NOTICE, House
from tests.support.siblings import Watched, import_sharing, money_of, place_paid

TOLD = EffectKind("told", "order.closed", "notification", "resend")
FREED = EffectKind("freed", "order.closed", "fulfilment", "resend")


class Home(House):
    """A house whose calls to the provider are watched."""

    def __init__(self, database_url: str, policy: Policy | None = None) -> None:
        self.wire: Watched

        def watch(inner: object) -> Watched:
            self.wire = Watched(inner)  # type: ignore[arg-type]
            return self.wire

        super().__init__(database_url, policy=policy, kinds=(INVITE, NOTICE, TOLD, FREED), transport=watch)


@pytest.fixture
def home(database_url: str) -> Iterator[Home]:
    built = Home(database_url)
    yield built
    built.close()


@pytest.fixture
def home_of_payers(database_url: str) -> Iterator[Home]:
    built = Home(database_url, Policy(close_all_of_payer=True))
    yield built
    built.close()


@pytest.mark.parametrize("state", ["open", "pending"])
@pytest.mark.parametrize("owned", [True, False], ids=["the reference is the sibling's", "both only name it"])
def test_an_order_that_shares_its_payment_with_a_paid_one_is_closed_and_nobody_is_asked(
    home: Home, state: str, owned: bool
) -> None:
    """A2: closed as a duplicate, never settled, nothing posted, nobody told, and its provider is not asked."""
    sibling = place_paid(home, "fee:1")
    stuck = import_sharing(home, sibling, "fee:2", state=state, owned=owned)
    before, calls = money_of(home), len(home.wire.calls)
    home.clock.move(600)
    did = home.resolve()
    assert (did.duplicates, did.asked) == (1, 0)
    seen = home.see(stuck)
    assert (seen.state, seen.closed_reason, seen.received_minor, seen.counters.recorded) == (
        "closed",
        "duplicate",
        0,
        0,
    )
    assert (money_of(home), len(home.wire.calls)) == (before, calls)
    assert home.rows("SELECT state, reason FROM effects WHERE kind = 'told'") == [("suppressed", "duplicate")]
    assert home.see(sibling).counters == sibling.counters
    home.clock.move(86400)
    assert home.resolve().asked == 0 and len(home.wire.calls) == calls


def test_what_a_closed_duplicate_followed_from_is_in_the_audit(home: Home) -> None:
    """A2: support can name the sibling, and the arrow that was taken."""
    sibling = place_paid(home, "fee:1")
    stuck = import_sharing(home, sibling, "fee:2")
    home.clock.move(600)
    home.resolve()
    steps = home.rows("SELECT subject, event, target, cause FROM audit WHERE actor = 'close_duplicates' ORDER BY 1, 2")
    because = f"sibling:payment:{sibling.id.hex}"
    assert ("order", "duplicated", "closed", because) in steps
    assert ("attempt", "served_elsewhere", "closed", because) in steps
    assert ("effect", "suppress", "suppressed", "duplicate") in steps
    assert home.see(stuck).state == "closed"


def test_what_is_to_be_done_for_a_closed_order_is_done_for_a_duplicate_too(home: Home) -> None:
    """S20: fulfilment is never suppressed; only telling is."""
    import_sharing(home, place_paid(home, "fee:1"), "fee:2")
    home.clock.move(600)
    home.resolve()
    assert home.rows("SELECT state FROM effects WHERE kind = 'freed'") == [("pending",)]


def test_the_job_that_closes_old_orders_looks_for_siblings_too(home: Home) -> None:
    """A2: without a live attempt nobody asks about it, and when its time is over it is a duplicate, and not expired."""
    stuck = import_sharing(home, place_paid(home, "fee:1"), "fee:2", state="failed")
    home.clock.move(2 * 86400)
    home.close_old()
    assert home.see(stuck).closed_reason == "duplicate"
    assert home.rows("SELECT state FROM effects WHERE kind = 'told'") == [("suppressed",)]


def test_an_order_with_money_of_its_own_is_no_duplicate(home: Home) -> None:
    """X6: captured money is never passed over because a sibling is paid."""
    stuck = import_sharing(home, place_paid(home, "fee:1"), "fee:2")
    home.rows(
        "INSERT INTO provider_refs SELECT merchant_id, provider, account, 'payment_intent', 'pi_own', attempt_id,"
        " order_id FROM attempts WHERE order_id = %s RETURNING 1", stuck.id,
    )  # fmt: skip
    home.rows(
        "INSERT INTO captures SELECT merchant_id, provider, account, kind, ref, attempt_id, order_id, 'USD', 100, 0, 0,"
        " true, now() FROM provider_refs WHERE ref = 'pi_own' RETURNING 1"
    )
    assert home.run(close_duplicates(home.world, DEFAULT_MERCHANT, [stuck.id])) == frozenset()
    assert home.see(stuck).state == "open"


def test_a_sibling_that_is_not_paid_makes_no_duplicate(home: Home) -> None:
    """A2: only a sibling that is paid already; until then the order stays as it is."""
    sibling = home.place("fee:1")
    home.checkout(sibling)
    stuck = import_sharing(home, home.see(sibling), "fee:2")
    assert home.run(close_duplicates(home.world, DEFAULT_MERCHANT, [stuck.id])) == frozenset()
    assert home.see(stuck).state == "open"


def test_an_order_that_waits_behind_a_paid_one_is_its_duplicate(home: Home) -> None:
    """A2: siblings by the purpose."""
    sibling = place_paid(home, "fee:1")
    waiting = home.place("fee:2")
    home.rows(
        "UPDATE orders SET state = 'waiting', opened_at = NULL, purpose = 'fee:1' WHERE order_id = %s RETURNING 1",
        waiting.id,
    )
    home.close_old()
    assert (home.see(waiting).closed_reason, home.see(sibling).state) == ("duplicate", "paid")


def test_an_older_order_of_a_payer_who_paid_a_newer_one_is_closed_at_its_provider_first(home_of_payers: Home) -> None:
    """A2: siblings by the payer, where the merchant keeps one order for each: what can still be paid by itself is
    closed at the provider, and only then here, silently.
    """
    home = home_of_payers
    older = home.place("fee:1")
    session = home.checkout(older).provider_ref
    home.clock.move(5)
    sibling = place_paid(home, "fee:2", payer_reference="player 28")
    home.rows("UPDATE orders SET payer_reference = 'player 27' RETURNING 1")
    before = money_of(home)
    home.clock.move(600)
    home.resolve()
    home.clock.move(600)
    home.resolve()
    assert home.see(older).closed_reason == "duplicate"
    assert home.stripe.books.sessions[session or ""].status == "expired"
    assert home.rows("SELECT state, reason FROM effects WHERE kind = 'told'") == [("suppressed", "duplicate")]
    assert (money_of(home), home.see(sibling).state) == (before, "paid")


def test_payers_with_several_orders_have_siblings_only_where_the_merchant_says_so(home: Home) -> None:
    """A2: without that policy every order of a payer is its own."""
    older = home.place("fee:1")
    home.checkout(older)
    home.clock.move(5)
    place_paid(home, "fee:2")
    home.clock.move(600)
    home.resolve()
    assert home.see(older).state == "open"


def test_a_newer_order_of_a_payer_is_no_duplicate_of_an_older_paid_one(home_of_payers: Home) -> None:
    """A2: what was ordered after the payment is not served by it."""
    home = home_of_payers
    place_paid(home, "fee:1")
    home.clock.move(5)
    newer = home.place("fee:2")
    home.checkout(newer)
    home.clock.move(600)
    home.resolve()
    assert home.see(newer).state == "open"


def test_the_stock_of_a_duplicate_returns_once(home: Home) -> None:
    """C13: what a duplicate holds comes back when it is closed."""
    home.run(set_stock(home.world, DEFAULT_MERCHANT, "ball", 3, by="a test", reason="new"))
    stuck = import_sharing(home, place_paid(home, "fee:1"), "fee:2", items=[{"sku": "ball", "quantity": 2}])
    assert home.rows("SELECT free, held FROM stock_items") == [(1, 2)]
    for _ in range(2):
        home.clock.move(600)
        home.resolve()
    assert home.rows("SELECT free, held FROM stock_items") == [(3, 0)]
    assert home.see(stuck).state == "closed"


def test_money_that_comes_before_a_duplicate_is_closed_is_not_passed_over(home_of_payers: Home) -> None:
    """X6: who pays the older page in the moment before it is closed has paid that order, once."""
    home = home_of_payers
    older = home.place("fee:1")
    checkout = home.checkout(older)
    home.clock.move(5)
    place_paid(home, "fee:2", payer_reference="player 28")
    home.rows("UPDATE orders SET payer_reference = 'player 27' RETURNING 1")
    assert home.run(close_duplicates(home.world, DEFAULT_MERCHANT, [older.id])) == frozenset()
    home.pay(checkout)
    home.owed_webhooks()
    home.clock.move(600)
    home.resolve()
    seen = home.see(older)
    assert (seen.received_minor, home.rows("SELECT sum(captured_minor) FROM captures")) == (4500, [(9000,)])
    assert (seen.state, seen.counters.recorded) == ("paid", 1)
