"""Holes that payment code of others really had, each tried on ours and named as it was published."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from payonce.api.settings import ApiSettings
from payonce.base.errors import Refused
from payonce.notify.signing import Signer
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.zalopay.adapter import ZaloPayAdapter
from tests.project.tree import modules
from tests.promises.acts import findings
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.providers.nowpayments.samples import signed as signed_notice
from tests.providers.stripe.samples import signed as signed_event
from tests.providers.zalopay.samples import callback
from tests.support.house import SECRET, House
from tests.support.parties import SEATS
from tests.support.site import Site, order_body

PROVIDERS: Final = sorted(SEATS)
# What a shop is left with that was never configured, and what guides print.
NO_SECRETS: Final = (
    "",
    " ",
    "\t\n",
    "short",
    "x" * 11,
    "changeme",
    "secret",
    "password",
    "your_webhook_secret",
    "Changeme123456",
)
AMOUNTS: Final = {
    "amount", "amount_received", "amount_total", "amount_subtotal", "amount_captured", "price_amount", "outcome_amount",
    "pay_amount", "actually_paid", "actually_paid_at_fiat",
}  # fmt: skip


class Till:
    """A house that pays through one provider, with an order whose page is open, and its provider's pen."""

    def __init__(self, house: House, amount_minor: int = 200_000) -> None:
        self.house, self.site = house, Site(house)
        body = order_body(currency=house.currency, amount_minor=amount_minor)
        self.order = self.site.api("POST", "/orders", body).json()
        self.made = self.site.api("POST", f"/orders/{self.order['id']}/checkout", {}).json()

    def pay_genuinely(self) -> list[Any]:
        """Pay at the provider; what it then owes us, not delivered yet."""
        self.house.party.payer.pay(self.made["provider_ref"])
        return list(self.house.owed_webhooks())

    def sign(self, body: bytes) -> tuple[dict[str, str], bytes]:
        """As the provider itself would sign it now."""
        if self.house.provider == "stripe":
            return signed_event(body, self.house.clock.now(), SECRET), body
        settings: Any = getattr(self.house.party, "settings", None)
        if self.house.provider == "zalopay":
            return {}, callback(json.loads(body)["data"], key=settings.key2)
        return signed_notice(body, settings.ipn_secret), body

    def send(self, headers: dict[str, str], body: bytes) -> Any:
        """Deliver it."""
        return self.site.ask("POST", f"/webhooks/{self.house.provider}", content=body, headers=headers)

    def seen(self) -> dict[str, Any]:
        """The order now, with all that waited tried again."""
        self.house.retry()
        return self.site.see(self.order)


@pytest.fixture(params=PROVIDERS)
def till(request: pytest.FixtureRequest, build: Build) -> Iterator[Till]:
    """One of each provider."""
    made = Till(build(seat=SEATS[request.param]))
    yield made
    made.site.close()


def changed(body: bytes, change: Callable[[str, Any], Any]) -> bytes:
    """The JSON with every member changed, also of JSON that stands in a text."""

    def walk(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(key, inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(name, inner) for inner in value]
        if name == "data" and isinstance(value, str):
            return json.dumps(walk("", json.loads(value)))
        return change(name, value)

    return json.dumps(walk("", json.loads(body))).encode()


@pytest.mark.parametrize("secret", NO_SECRETS)
def test_nothing_starts_with_a_secret_that_everybody_knows(secret: str) -> None:
    """B16, CVE-2026-103301 and five others of its year: an empty or missing secret verified anybody's events."""
    begins: list[Callable[[], object]] = [
        lambda: StripeAdapter("sk_test_of_a_hole_1234567890", [secret]),
        lambda: ZaloPayAdapter("4711", "key1_of_a_hole_1234567890", [secret]),
        lambda: NowPaymentsAdapter("key_of_a_hole_1234567890", [secret]),
        lambda: Signer(secret),
        lambda: ApiSettings(base_url="http://pay.test", api_key=secret),
    ]
    for begin in begins:
        with pytest.raises(Refused) as refused:
            begin()
        assert refused.value.code in ("secret_missing", "secret_weak")
    for none in ([], [""], ["whsec_a_good_one_1234567890", ""]):
        with pytest.raises(Refused):
            StripeAdapter("sk_test_of_a_hole_1234567890", none)


def test_a_body_signed_with_an_empty_secret_is_forged(till: Till) -> None:
    """B16, CVE-2026-103301: whoever guesses that no secret was set signs with nothing."""
    [told, *_] = till.pay_genuinely()
    before = everything(till.house)
    if till.house.provider == "stripe":
        at = int(till.house.clock.now().timestamp())
        digest = hmac.new(b"", b"%d." % at + told.body, hashlib.sha256).hexdigest()
        till.send({"Stripe-Signature": f"t={at},v1={digest}"}, told.body)
    elif till.house.provider == "zalopay":
        till.send({}, callback(json.loads(told.body)["data"], key=""))
    else:
        till.send(signed_notice(told.body, ""), told.body)
    assert everything(till.house) == before


def test_a_genuine_payment_of_one_unit_does_not_pay_an_order_of_two_thousand(till: Till) -> None:
    """B17, CVE-2026-9189: the signature was right, and the amount was nobody's business."""
    tolds = till.pay_genuinely()
    for told in tolds:
        body = changed(told.body, lambda name, value: 1 if name in AMOUNTS and value else value)
        headers, body = till.sign(body)
        assert b'"return_code":-1' not in till.send(headers, body).content
    if till.house.world.looker(till.house.provider, "main").capabilities.confirm_by_read:
        # There a notice is worth nothing at all: what the provider says when it is asked counts, and it was paid.
        assert till.site.see(till.order)["state"] == "open"
        return
    seen = till.seen()
    assert (seen["state"], seen["counters"]["recorded"]) == ("open", 0)
    assert till.house.rows("SELECT count(*) FROM settlements") == [(0,)]
    assert till.house.rows("SELECT count(*) FROM effects WHERE kind = 'invite'") == [(0,)]


def test_a_genuine_payment_in_another_currency_does_not_pay_either(build: Build) -> None:
    """B17, CVE-2026-9189: 2,000 of the smallest currency are not 2,000 of another."""
    till = Till(build(seat=SEATS["stripe"]))
    for told in till.pay_genuinely():
        headers, body = till.sign(changed(told.body, lambda name, value: "idr" if name == "currency" else value))
        till.send(headers, body)
    seen = till.seen()
    assert (seen["state"], seen["counters"]["recorded"]) == ("open", 0)
    assert findings(till.house) != []
    till.site.close()


NEGATIVE: Final = (
    "payment_intent.canceled", "payment_intent.payment_failed", "charge.refunded", "charge.failed", "refund.created",
    "charge.dispute.created", "charge.dispute.closed", "checkout.session.expired",
)  # fmt: skip


@pytest.mark.parametrize("kind", NEGATIVE)
def test_a_forged_bad_news_changes_nothing(build: Build, kind: str) -> None:
    """B16, CVE-2026-12093: what closes, fails or gives back was believed without a signature."""
    till = Till(build(seat=SEATS["stripe"]))
    tolds = till.pay_genuinely()
    for told in tolds:
        till.send(dict(told.headers), told.body)
    assert till.seen()["state"] == "paid"
    before = everything(till.house)
    for told in tolds:
        said = json.loads(told.body)
        said["type"], said["id"] = kind, f"evt_{kind}"
        said["data"]["object"] |= {"status": "canceled", "amount_refunded": said["data"]["object"].get("amount", 1)}
        body = json.dumps(said).encode()
        for headers in ({}, dict(told.headers), signed_event(body, till.house.clock.now(), "whsec_of_nobody_12345")):
            assert till.send(headers, body).status_code == 400
    assert everything(till.house) == before
    till.site.close()


def test_without_its_signature_nothing_is_believed(till: Till) -> None:
    """B16, CVE-2023-32694: the header was left out, and nothing was compared with nothing."""
    before, [told, *_] = everything(till.house), till.pay_genuinely()
    bare = {name: value for name, value in told.headers if "sig" not in name.lower()}
    unsigned = changed(told.body, lambda name, value: None if name == "mac" else value)
    if till.house.provider == "zalopay":
        for body in (unsigned, json.dumps({"data": json.loads(told.body)["data"], "type": 1}).encode()):
            assert till.send(bare, body).json()["return_code"] == -1
    else:
        empty = {name: "" for name, _ in told.headers if "sig" in name.lower()}
        for headers in (bare, bare | empty):
            assert till.send(headers, told.body).status_code == 400
    assert everything(till.house) == before


def test_no_secret_and_no_signature_is_compared_with_equals() -> None:
    """B16, CVE-2023-32694: `==` tells by its time how much of a signature was right."""
    secret = ("digest", "hexdigest", "signature", "signatures", "mac", "secret", "key_hash", "password")
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules("src")
        if not {"simulator", "cli", "testing"} & {*path.parts}
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq | ast.In) for each in node.ops)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Name | ast.Attribute | ast.Call) and last_word(side) in secret
    ]
    assert found == []


def last_word(side: ast.expr) -> str:
    """`hexdigest` of `hmac.new(…).hexdigest()`."""
    if isinstance(side, ast.Call):
        return last_word(side.func)
    return side.attr if isinstance(side, ast.Attribute) else side.id if isinstance(side, ast.Name) else ""


def test_who_counts_ids_finds_no_order(build: Build) -> None:
    """B16, CVE-2023-34000: an order's number was all that a stranger needed to read who ordered what."""
    till = Till(build(seat=SEATS["stripe"]))
    orders = [till.order, *(till.site.place(f"fee:{number}:x") for number in range(5))]
    tokens = [order["pay_url"].rpartition("/")[2] for order in orders]
    assert len(set(tokens)) == len(tokens) and all(len(token) == 26 for token in tokens)
    # Two tokens of one moment share no beginning that grows: they hold no time and no number.
    assert len({token[:4] for token in tokens}) > 1
    for order in orders:
        for path in (f"/status/{order['id']}", f"/pay/{order['id']}", f"/v1/orders/{order['id']}"):
            assert till.site.ask("GET", path, address=f"198.51.100.{len(path) % 200}").status_code in (401, 404)
    till.site.close()


INJECTED: Final = (
    "'; DROP TABLE orders; --", "' OR '1'='1", "x'||pg_sleep(30)||'", "\\'; SELECT 1; --",
    "$$;COPY orders TO PROGRAM 'x'",
    "%s%(merchant_id)s%%", "{{7*7}}${7*7}", "<script>alert(1)</script>", "../../etc/passwd", "\u202e\u200b\ufeff",
)  # fmt: skip


@pytest.mark.parametrize("text", INJECTED)
def test_sql_in_a_field_of_a_genuine_webhook_is_a_text(till: Till, text: str) -> None:
    """B16, CVE-2024-0705: a field of a webhook stood in a statement as it came."""
    names = {"id", "type", "order_id", "order_description", "payment_id", "description", "reason", "failure_code",
             "app_trans_id", "app_user", "embed_data", "purchase_id", "pay_address", "client_reference_id"}  # fmt: skip
    for told in till.pay_genuinely():
        headers, body = till.sign(
            changed(told.body, lambda name, value: text if name in names and isinstance(value, str) else value)
        )
        assert till.send(headers, body).status_code == 200
    till.house.retry()
    assert till.house.rows("SELECT count(*) FROM orders") == [(1,)]
    assert till.site.see(till.order)["state"] in ("open", "paid")
    # And it can be looked at by who operates it, in the API and in the metrics.
    assert till.site.api("GET", "/events?limit=100").status_code == 200
    assert till.site.ask("GET", "/metrics").status_code == 200


def test_the_amount_is_what_the_order_says_and_never_what_a_payer_says(build: Build) -> None:
    """B17: the amount came from the client."""
    till = Till(build(seat=SEATS["stripe"]), 4500)
    for way in ("?amount=1", "?amount_minor=1&currency=IDR", "?price=1"):
        till.site.ask("GET", till.order["pay_url"] + way, headers={"Accept": "text/html"})
    form = {"amount": "1", "amount_minor": "1", "currency": "IDR", "price": "0.01", "provider": "stripe"}
    till.site.ask("POST", till.order["pay_url"], data=form)
    assert till.site.api("POST", f"/orders/{till.order['id']}/checkout", {"amount_minor": 1}).status_code == 422
    asked = till.house.rows("SELECT DISTINCT amount_minor, currency FROM attempts")
    assert asked == [(4500, "USD")]
    at_provider = {session.amount_total for session in till.house.stripe.books.sessions.values()}
    assert at_provider == {4500}
    till.site.close()


def test_another_merchants_genuine_event_at_ours_pays_nothing(till: Till) -> None:
    """B16: a genuine event of a stranger's account, which carries our marks (more doors: `test_wrong_doors`)."""
    [told, *_] = till.pay_genuinely()
    if till.house.provider == "stripe":
        headers, body = signed_event(told.body, till.house.clock.now(), "whsec_of_another_shop_123"), told.body
    elif till.house.provider == "zalopay":
        headers, body = {}, callback(json.loads(told.body)["data"], key="key2_of_another_shop_1")
    else:
        headers, body = signed_notice(told.body, "ipn_of_another_shop_123"), told.body
    before = everything(till.house)
    till.send(headers, body)
    assert everything(till.house) == before
    if till.house.provider == "stripe":
        # Signed with our own secret, as a platform does, but of a connected account that is not ours.
        said = json.loads(told.body) | {"account": "acct_of_another_shop", "id": "evt_of_another_shop"}
        body = json.dumps(said).encode()
        till.send(signed_event(body, till.house.clock.now(), SECRET), body)
        assert till.seen()["state"] == "open"


def test_an_event_of_long_ago_or_of_the_future_is_a_replay(build: Build) -> None:
    """B16: the official verifier takes a signature of any future day."""
    till = Till(build(seat=SEATS["stripe"]))
    [told, *_] = till.pay_genuinely()
    before, now = everything(till.house), till.house.clock.now()
    for year in (2001, 2020, 2038, 2286):
        at = datetime(year, 1, 1, tzinfo=UTC)
        assert till.send(signed_event(told.body, at, SECRET), told.body).status_code == 400
    assert everything(till.house) == before
    assert till.send(signed_event(told.body, now, SECRET), told.body).status_code == 200
    till.site.close()
