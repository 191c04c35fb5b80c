"""The three providers as the suite is handed them: simulator, adapter, and the statuses of their documentation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from payonce.providers.contract import Adapter
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter
from payonce.providers.simulator import nowpayments, zalopay
from payonce.providers.simulator.nowpayments.decimals import write
from payonce.providers.simulator.nowpayments.notices import signature
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.party import Party
from payonce.providers.simulator.signing import stripe_signature
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.simulator.zalopay.mac import mac
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.zalopay.adapter import ZaloPayAdapter
from payonce.testing.clock import MovableClock
from payonce.testing.conformance import CALLBACK_URL, Bench, Case, Made, Notice, Situation, What

NOBODY = "http://127.0.0.1:1"
HOUR = 3600.0


class StripeCase(Case):
    """Stripe: keys, refunds, lists, objects that are cancelled or expired."""

    amount_minor, currency = 4500, "USD"
    documented = frozenset(
        {
            "requires_payment_method", "requires_action", "processing", "requires_capture", "succeeded", "canceled",
            "open", "complete, unpaid", "complete, paid", "expired",
        }
    )  # fmt: skip
    secrets = ("sk_test_conformance_1234567890", "whsec_conformance_1234567890")

    def party(self, clock: MovableClock) -> Party:
        sim = StripeSimulator(clock=clock)
        sim.add_endpoint(CALLBACK_URL, self.secrets[1])
        return sim

    def adapter(self) -> Adapter:
        return StripeAdapter(self.secrets[0], [self.secrets[1]], api_base=NOBODY)

    def strangers(self) -> Sequence[Adapter]:
        other = StripeAdapter("sk_test_other_1234567890", ["whsec_other_1234567890"], account="other", api_base=NOBODY)
        # An event says itself whether it is live, so even the same secret must not make a test event live money.
        return other, StripeAdapter("sk_live_conformance_1234567890", [self.secrets[1]], account="live")

    def situations(self) -> Sequence[Situation]:
        def pays_with(method: str) -> Any:
            return lambda bench, made: bench.party.payer.pay(made.handle.ref.id, method)

        def authorise(bench: Bench, made: Made) -> None:
            _stripe(bench).books.intents[made.handle.ref.id].capture_method = "manual"
            bench.pay(made)

        intent, session = "payment_intent", "checkout_session"
        return (
            Situation("requires_payment_method", lambda bench, made: None, "open", flow=intent),
            Situation("requires_payment_method", pays_with("pm_card_visa_chargeDeclined"), "asks_again", flow=intent),
            Situation("requires_action", pays_with("pm_card_authenticationRequired"), "action", flow=intent),
            Situation("processing", pays_with("pm_usBankAccount_processing"), "pending", flow=intent),
            Situation("requires_capture", authorise, "action", flow=intent),
            Situation("succeeded", pays_with("pm_card_visa"), "paid", True, flow=intent),
            Situation("canceled", lambda bench, made: bench.close(made), "closed", flow=intent),
            Situation("open", lambda bench, made: None, "open", flow=session),
            Situation("open", pays_with("pm_card_visa_chargeDeclined"), "asks_again", flow=session),
            Situation("complete, unpaid", pays_with("pm_usBankAccount_processing"), "pending", flow=session),
            Situation("complete, paid", pays_with("pm_card_visa"), "paid", True, flow=session),
            Situation("expired", lambda bench, made: bench.close(made), "closed", flow=session),
        )

    def sign(self, content: bytes, now: datetime) -> Notice:
        return Notice(
            {"stripe-signature": stripe_signature((self.secrets[1],), int(now.timestamp()), content)}, content
        )

    def unheard_of(self, answer: bytes) -> bytes:
        found = json.loads(answer)
        _restate(found)
        return json.dumps(found).encode()

    def retold(self, content: bytes, what: What, value: str | int) -> bytes | None:
        event = json.loads(content)
        found = event["data"]["object"]
        if what == "status":
            _restate(found)
        for name in ("amount_received", "amount_captured", "amount_total"):
            if what == "amount" and name in found:
                found[name] = value
        if what == "currency":
            found["currency"] = str(value).lower()
        return json.dumps(event).encode()


class ZaloPayCase(Case):
    """ZaloPay: names of ours, queries, callbacks of success only."""

    amount_minor, currency = 45_000, "VND"
    documented = frozenset({"created", "processing", "paid", "try failed", "expired", "cancelled"})
    secrets = ("key1 of the conformance suite", "key2 of the conformance suite")

    def party(self, clock: MovableClock) -> Party:
        settings = zalopay.Settings(key1=self.secrets[0], key2=self.secrets[1], refund_settles_after=HOUR)
        return ZaloPaySimulator(clock=clock, settings=settings)

    def adapter(self) -> Adapter:
        return ZaloPayAdapter(2553, self.secrets[0], [self.secrets[1]], api_base=NOBODY)

    def strangers(self) -> Sequence[Adapter]:
        # A callback names its application, and says nothing of live or test: there only the key tells them apart.
        return (
            ZaloPayAdapter(2554, self.secrets[0], [self.secrets[1]], account="other", api_base=NOBODY),
            ZaloPayAdapter(2553, self.secrets[0], ["key2 of somebody else"], account="rolled", api_base=NOBODY),
            ZaloPayAdapter(2553, "key1 of a live account", ["key2 of a live account"], account="live"),
        )

    def situations(self) -> Sequence[Situation]:
        def slowly(bench: Bench, made: Made) -> None:
            _zalopay(bench).payer.pay_slowly(made.handle.ref.id)

        def in_vain(bench: Bench, made: Made) -> None:
            _zalopay(bench).payer.decline(made.handle.ref.id)

        return (
            Situation("created", lambda bench, made: None, "open"),
            Situation("processing", slowly, "pending"),
            Situation("paid", lambda bench, made: bench.pay(made), "paid", True),
            Situation("try failed", in_vain, "asks_again"),
            Situation("expired", lambda bench, made: bench.clock.advance(HOUR), "closed"),
            Situation("cancelled", lambda bench, made: bench.close(made), "closed"),
        )

    def content(self, body: bytes) -> bytes:
        return str(json.loads(body)["data"]).encode()

    def sign(self, content: bytes, now: datetime) -> Notice:
        data = content.decode("utf-8", "replace")
        signed = {"data": data, "mac": mac(self.secrets[1], data), "type": 1}
        return Notice({}, json.dumps(signed, ensure_ascii=False).encode())

    def unsigned(self, notice: Notice) -> Notice:
        found = json.loads(notice.body)
        del found["mac"]
        return Notice(notice.headers, json.dumps(found).encode())

    def unheard_of(self, answer: bytes) -> bytes:
        return json.dumps(json.loads(answer) | {"return_code": 7}).encode()

    def retold(self, content: bytes, what: What, value: str | int) -> bytes | None:
        # A callback has neither status nor currency.
        return json.dumps(json.loads(content) | {"amount": value}).encode() if what == "amount" else None


class NowPaymentsCase(Case):
    """NOWPayments: nothing is recognised, closed or sent back, and notices are only hints."""

    amount_minor, currency = 4500, "USD"
    documented = frozenset(
        {
            "waiting", "confirming", "confirmed", "sending", "partially_paid", "finished", "failed", "refunded",
            "expired", "cancelled",
        }
    )  # fmt: skip
    secrets = ("CONFORM-ANCE000-0000000-0000000", "ipn secret of the suite", "password of the suite")

    def party(self, clock: MovableClock) -> Party:
        settings = nowpayments.Settings(api_key=self.secrets[0], ipn_secret=self.secrets[1], password=self.secrets[2])
        return NowPaymentsSimulator(clock=clock, settings=settings)

    def adapter(self) -> Adapter:
        return self._account("main")

    def strangers(self) -> Sequence[Adapter]:
        # A notice says neither whose it is nor whether it is live: only the secret does.
        other = NowPaymentsAdapter(self.secrets[0], "ipn secret of somebody else", account="other", api_base=NOBODY)
        return other, NowPaymentsAdapter("LIVE000-0000000-0000000-0000000", "ipn secret of a live account")

    def situations(self) -> Sequence[Situation]:
        # An invoice is as its payments are: it can be paid by another one where one failed or expired.
        payment, invoice = "payment", "invoice"
        return (
            *(
                Situation(status, _until(steps), "pending", flow=flow)
                for status, steps in (("confirming", 0), ("confirmed", 1), ("sending", 2))
                for flow in (payment, invoice)
            ),
            Situation("waiting", lambda bench, made: None, "open"),
            Situation("finished", lambda bench, made: bench.pay(made), "paid", True),
            Situation("partially_paid", _pay(Decimal(18)), "paid", True),
            Situation("failed", _pay(Decimal("0.5")), "failed", flow=payment),
            Situation("failed", _pay(Decimal("0.5")), "open", flow=invoice),
            Situation("refunded", _refund, "paid", True),
            Situation("expired", lambda bench, made: bench.clock.advance(8 * 24 * HOUR), "closed", flow=payment),
            Situation("cancelled", _cancel, "closed", flow=payment),
        )

    def sign(self, content: bytes, now: datetime) -> Notice:
        try:
            told = json.loads(content, parse_float=Decimal)
            mark = signature(self.secrets[1], told)
        except (ValueError, TypeError, RecursionError):
            # What is signed is made of the values: bytes without values cannot be.
            mark = "0" * 128
        return Notice({"x-nowpayments-sig": mark}, content)

    def unheard_of(self, answer: bytes) -> bytes:
        found = json.loads(answer, parse_float=Decimal)
        for one in found.get("data", [found]):
            one["payment_status"] = "somewhere_else"
        return write(found).encode()

    def retold(self, content: bytes, what: What, value: str | int) -> bytes | None:
        told = json.loads(content, parse_float=Decimal)
        if what == "amount":
            told["actually_paid"] = Decimal(told["pay_amount"]) * Decimal(value) / self.amount_minor
        elif what == "currency":
            told["price_currency"] = str(value).lower()
        else:
            told["payment_status"] = value
        return write(told).encode()

    def _account(self, name: str) -> Adapter:
        told = nowpayments.Settings()
        return NowPaymentsAdapter(
            self.secrets[0], self.secrets[1], account=name, api_base=NOBODY, email=told.email, password=self.secrets[2]
        )


def _stripe(bench: Bench) -> StripeSimulator:
    assert isinstance(bench.party, StripeSimulator)
    return bench.party


def _zalopay(bench: Bench) -> ZaloPaySimulator:
    assert isinstance(bench.party, ZaloPaySimulator)
    return bench.party


def _nowpayments(bench: Bench) -> NowPaymentsSimulator:
    assert isinstance(bench.party, NowPaymentsSimulator)
    return bench.party


def _restate(found: dict[str, Any]) -> None:
    """Give an object of Stripe's, and its intent, statuses that nobody knows."""
    for one in (found, found.get("payment_intent")):
        if isinstance(one, dict):
            one["status"] = "somewhere_else"
            if "payment_status" in one:
                one["payment_status"] = "somewhere_else"


def _pay(coins: Decimal) -> Any:
    return lambda bench, made: _nowpayments(bench).payer.pay(made.handle.url or made.handle.ref.id, coins)


def _until(steps: int) -> Any:
    """Pay, and stop where a deposit is after so many steps."""

    def reach(bench: Bench, made: Made) -> None:
        _nowpayments(bench).settings.step_seconds = HOUR
        bench.pay(made)
        bench.clock.advance(steps * HOUR)

    return reach


def _refund(bench: Bench, made: Made) -> None:
    bench.pay(made)
    _nowpayments(bench).dashboard.refund(str(_nowpayments(bench).truth.payments()[0].id))


def _cancel(bench: Bench, made: Made) -> None:
    _nowpayments(bench).dashboard.cancel(made.handle.ref.id)


CASES: tuple[Case, ...] = (StripeCase(), ZaloPayCase(), NowPaymentsCase())
