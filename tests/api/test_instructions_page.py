"""The payment link of what is paid by other means: our own page, what it shows, and to whom it shows nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest
import segno

from payonce.api.qr import BORDER, LONGEST, picture_of
from payonce.api.words import coin, listed, name_of
from tests.api.test_pay_links import NOT_A_PERSON
from tests.support.bazaar import Bazaar
from tests.support.house import House
from tests.support.parties import nowpayments_seat
from tests.support.site import PERSON


@pytest.fixture
def bazaar(house: House) -> Iterator[Bazaar]:
    """A merchant that takes dollars by coins first: a plain click leads to an address."""
    opened = Bazaar(house, merchant_name="Teahouse")
    world = opened.edge.world
    first = {key: world.tills[key] for key in sorted(world.tills)}
    object.__setattr__(world, "tills", first)
    assert next(iter(first)) == ("nowpayments", "main")
    yield opened
    opened.close()


def test_a_link_shows_how_much_of_which_coin_goes_where_and_until_when(bazaar: Bazaar) -> None:
    order = bazaar.place()
    page = bazaar.open_link(order)
    [payment] = bazaar.coins.books.payments.values()
    assert page.status_code == 200
    assert f'id="send-address">{payment.address}</code>' in page.text
    assert f'id="send-amount">{payment.amount.normalize():f}</code> USDT TRC20' in page.text
    assert f"<dd>{payment.coin.network.upper()}</dd>" in page.text
    assert "<h1>Pay 45.00 USD</h1>" in page.text and "To Teahouse, for ref-fee:27:2026-05" in page.text
    assert "20 November 2026, 12:20 UTC" in page.text
    assert "What is sent on another network is lost." in page.text
    assert "memo" not in page.text.lower()
    assert f'href="/status/{order["status_url"].rpartition("/")[2]}"' in page.text
    assert "no-store" in page.headers["cache-control"]


def test_opening_it_again_shows_the_same_address(bazaar: Bazaar) -> None:
    order = bazaar.place()
    pages = bazaar.together(*[("GET", order["pay_url"], {"headers": PERSON})] * 5)
    told = {tuple(re.findall(r'id="send-\w+">([^<]+)<', page.text)) for page in pages}
    assert len(told) == 1 and bazaar.attempts() == 1


def test_a_button_leads_to_the_page_so_that_a_reload_sends_nothing_again(bazaar: Bazaar) -> None:
    order = bazaar.place()
    pressed = bazaar.press(order)
    assert (pressed.status_code, f"http://pay.test{pressed.headers['location']}") == (303, order["pay_url"])
    # Who is taken for an agent would get the preview there, and never the address.
    agent = bazaar.press(order, **{"User-Agent": "WhatsApp/2.0"})
    assert agent.status_code == 200 and "send-address" in agent.text


def test_a_program_gets_the_instructions_as_json(bazaar: Bazaar) -> None:
    answer = bazaar.ask("GET", bazaar.place()["pay_url"])
    [payment] = bazaar.coins.books.payments.values()
    assert (answer.status_code, answer.json()["instructions"]["address"]) == (200, payment.address)


@pytest.mark.parametrize(("method", "headers"), NOT_A_PERSON)
def test_a_preview_makes_nothing_and_reveals_no_address(bazaar: Bazaar, method: str, headers: dict[str, str]) -> None:
    """D3: preview agents, HEAD, prefetch and prerender requests create nothing and get a preview page."""
    order = bazaar.place()
    assert bazaar.ask(method, order["pay_url"], headers=PERSON | headers).status_code == 200
    assert bazaar.attempts() == 0
    bazaar.open_link(order)
    [payment] = bazaar.coins.books.payments.values()
    seen = bazaar.ask(method, order["pay_url"], headers=PERSON | headers)
    assert payment.address not in seen.text and "usdt" not in seen.text.lower()


def test_a_memo_is_shown_with_a_warning_that_it_is_required(house: House) -> None:
    bazaar = Bazaar(house, {"nowpayments": partial(nowpayments_seat, flow="payment", coin="xrp")})
    order = bazaar.place()
    assert bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "nowpayments"}).status_code == 201
    page = bazaar.open_link(order).text
    [payment] = bazaar.coins.books.payments.values()
    assert payment.memo
    assert f'id="send-memo">{payment.memo}</code>' in page
    assert "The memo is required." in page and "nor the memo" in page
    bazaar.close()


def test_what_came_is_told_instead_of_the_address(bazaar: Bazaar) -> None:
    """D6: 409 is for paid orders only; processing is 202."""
    order = bazaar.place()
    bazaar.open_link(order)
    bazaar.coins.settings.step_seconds = 600.0
    assert bazaar.pay_last(order) == "processing"
    waiting = bazaar.open_link(order)
    assert (waiting.status_code, "send-address" in waiting.text) == (202, False)
    assert "The payment is on its way" in waiting.text


def test_a_rate_that_is_over_is_told_as_over(bazaar: Bazaar) -> None:
    order = bazaar.place()
    before = bazaar.open_link(order)
    bazaar.clock.move(3600)
    after = bazaar.open_link(order)
    addresses = [re.findall(r'id="send-address">([^<]+)<', page.text) for page in (before, after)]
    assert addresses[0] == addresses[1] != []
    said = [("The rate holds until" in page.text, "The rate held until" in page.text) for page in (before, after)]
    assert said == [(True, False), (False, True)]


def test_the_picture_holds_the_text_row_by_row() -> None:
    picture = picture_of("TNDzfERDpxLDS2w1q6yaFC7pzqaSQ3Bg3r")
    assert picture is not None
    # The finder in the upper left corner: seven dark modules, a dark frame below.
    assert picture.path.startswith(f"M{BORDER} {BORDER}h7v1h-7z")
    assert f"M{BORDER} {BORDER + 1}h1v1h-1z" in picture.path
    assert (picture.size - 2 * BORDER - 17) % 4 == 0
    assert picture != picture_of("TNDzfERDpxLDS2w1q6yaFC7pzqaSQ3Bg3s")
    drawn = {
        (int(y) - BORDER, int(x) - BORDER + step)
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", picture.path)
        for step in range(int(width))
    }
    matrix = segno.make("TNDzfERDpxLDS2w1q6yaFC7pzqaSQ3Bg3r", error="m", micro=False).matrix
    assert drawn == {(y, x) for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark}


@pytest.mark.parametrize("text", ["", "a" * (LONGEST + 1)])
def test_there_is_no_picture_of_nothing_and_of_too_much(text: str) -> None:
    assert picture_of(text) is None


@pytest.mark.parametrize(
    ("asset", "shown"),
    [("usdttrc20", "USDT TRC20"), ("usdt-erc20", "USDT ERC20"), ("usdc", "USDC"), ("btc", "BTC"), ("", "")],
)
def test_coins_are_written_as_wallets_do(asset: str, shown: str) -> None:
    assert coin(asset) == shown


def test_providers_are_named_as_they_name_themselves() -> None:
    names = [name_of(provider) for provider in ("stripe", "zalopay", "nowpayments", "city_bank")]
    assert listed(names) == "Stripe, ZaloPay, NOWPayments and City Bank"
    assert [listed(names[:2]), listed(names[:1]), listed([])] == ["Stripe and ZaloPay", "Stripe", ""]
