"""The pages, used as a browser without scripts would: read, press a button, follow."""

from __future__ import annotations

import re
from html import unescape

import pytest

from payonce.providers.simulator.wire import Reply
from tests.providers.simulator.nowpayments.merchant import Merchant


def get(merchant: Merchant, address: str) -> Reply:
    path, _, query = address.removeprefix(merchant.sim.base_url).partition("?")
    return merchant.sim.handle("GET", path, query)


def text(merchant: Merchant, address: str) -> str:
    reply = get(merchant, address)
    assert reply.status == 200
    return unescape(reply.body.decode())


def press(merchant: Merchant, address: str, name: str, value: str) -> str:
    """Press a button that the page has. Returns the address that it leads to."""
    page = text(merchant, address)
    assert f'name="{name}" value="{value}"' in page
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', page)
    path, _, query = action.partition("?")
    reply = merchant.sim.handle("POST", path, query, body=f"{name}={value}".encode())
    assert reply.status == 303, reply.body
    return reply.header("location") or ""


def test_an_invoice_is_paid_by_choosing_a_coin_and_sending_it(merchant: Merchant) -> None:
    thanks, back = "https://shop.example/thanks", "https://shop.example/back"
    invoice = merchant.invoice("45", success_url=thanks, cancel_url=back, order_description="Bàn <trà>")
    page = text(merchant, invoice["invoice_url"])
    assert "Bàn <trà>" in page and "45 USD" in page and back in page and thanks not in page
    wallet = press(merchant, invoice["invoice_url"], "coin", "btc")
    (made,) = merchant.sim.truth.payments()
    assert made.address in text(merchant, wallet) and "0.00070313 BTC" in text(merchant, wallet)
    assert press(merchant, wallet, "amount", "exact") == wallet
    assert "Paid." in text(merchant, wallet) and thanks in text(merchant, wallet)
    assert "Paid." in text(merchant, invoice["invoice_url"]) and thanks in text(merchant, invoice["invoice_url"])
    assert merchant.sim.truth.came_in() == {"order-1": 4500}


@pytest.mark.parametrize(("amount", "came_in", "said"), [("less", 1800, "Less than"), ("more", 5625, "Paid.")])
def test_one_can_send_too_little_too_much_and_again(merchant: Merchant, amount: str, came_in: int, said: str) -> None:
    wallet = press(merchant, merchant.invoice()["invoice_url"], "coin", "usdttrc20")
    press(merchant, wallet, "amount", amount)
    assert said in text(merchant, wallet) and merchant.sim.truth.came_in() == {"order-1": came_in}
    press(merchant, wallet, "amount", "exact")
    assert merchant.sim.truth.came_in() == {"order-1": came_in + 4500}


def test_another_coin_is_another_payment_of_the_same_invoice(merchant: Merchant) -> None:
    invoice = merchant.invoice()
    wallets = [press(merchant, invoice["invoice_url"], "coin", coin) for coin in ("eth", "xrp", "eth")]
    assert wallets[0] == wallets[2] != wallets[1]
    memo = merchant.sim.truth.payments()[1].memo
    assert memo and memo in text(merchant, wallets[1])
    for wallet in wallets[:2]:
        press(merchant, wallet, "amount", "exact")
    assert merchant.sim.truth.came_in() == {"order-1": 9000}


def test_looking_at_pages_changes_nothing(merchant: Merchant) -> None:
    invoice, made = merchant.invoice(), merchant.make()
    before = merchant.sim.truth.dump()
    for address in ("/", invoice["invoice_url"], f"/wallet/{made['payment_id']}"):
        text(merchant, address)
    assert merchant.sim.truth.dump() == before


def test_the_front_page_leads_to_what_waits_to_be_paid(merchant: Merchant) -> None:
    invoice, made = merchant.invoice(), merchant.make()
    page = text(merchant, "/")
    assert f"/payment/?iid={invoice['id']}" in page and f"/wallet/{made['payment_id']}" in page


def test_text_of_others_is_shown_and_never_run(merchant: Merchant) -> None:
    invoice = merchant.invoice(order_description="<script>x</script>", order_id='"><b>')
    reply = get(merchant, invoice["invoice_url"])
    assert b"<script>" not in reply.body and b'"><b>' not in reply.body
    assert "default-src 'none'" in (reply.header("content-security-policy") or "")


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status"),
    [
        ("GET", "/payment/", "iid=1", b"", 404),
        ("GET", "/payment/", "", b"", 404),
        ("GET", "/wallet/x", "", b"", 404),
        ("GET", "/elsewhere", "", b"", 404),
        ("PUT", "/", "", b"", 405),
    ],
)
def test_what_is_no_page_says_so(
    merchant: Merchant, method: str, path: str, query: str, body: bytes, status: int
) -> None:
    assert merchant.sim.handle(method, path, query, body=body).status == status


def test_a_button_that_the_page_has_not_does_nothing(merchant: Merchant) -> None:
    invoice, made = merchant.invoice(), merchant.make()
    assert merchant.sim.handle("POST", "/payment/", f"iid={invoice['id']}", body=b"coin=gold").status == 400
    assert merchant.sim.handle("POST", f"/wallet/{made['payment_id']}", body=b"amount=all").status == 400
    assert merchant.sim.truth.deposits() == [] and len(merchant.sim.truth.payments()) == 1
