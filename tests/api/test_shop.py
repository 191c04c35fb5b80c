"""The demo shop: every order is one, however it is clicked, and it exists only beside a simulator."""

from __future__ import annotations

import re

import pytest

from payonce.api.application import build
from payonce.api.settings import Simulator
from payonce.providers.simulator.serve import serve_in_thread
from tests.api.conftest import OpenSite
from tests.support.bazaar import Bazaar
from tests.support.house import House
from tests.support.site import PERSON, Site

COOKIE = "payonce_shopper=" + "a" * 26
FORM = PERSON | {"Content-Type": "application/x-www-form-urlencoded", "Cookie": COOKIE, "Sec-Fetch-Site": "same-origin"}
NONCE = "b" * 26


def buy(site: Site, fields: str = f"item=pot&nonce={NONCE}") -> str:
    """Order something; the order's id."""
    answer = site.ask("POST", "/shop/orders", content=fields, headers=FORM)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("#")[2]


def at(base_url: str) -> Simulator:
    """The simulated Stripe, served at an address."""
    return Simulator("stripe", base_url, base_url)


def newest(site: Site) -> str:
    """The order that was placed last, as the shop shows it."""
    return shelf(site).split('<article class="order"')[1].split("</article>")[0]


def shelf(site: Site) -> str:
    return site.ask("GET", "/", headers=PERSON | {"Cookie": COOKIE}).text


def test_a_first_visit_gets_a_name_and_an_empty_list(site: Site) -> None:
    page = site.ask("GET", "/", headers=PERSON)
    assert re.search(
        r"payonce_shopper=[0-9a-z]{26};.*HttpOnly.*SameSite=lax", page.headers["set-cookie"], re.IGNORECASE
    )
    assert "None yet." in page.text
    assert "Simulated Stripe: no real money moves here." in page.text


def test_two_clicks_on_one_form_are_one_order(site: Site) -> None:
    """E17: several tabs and reloads are harmless."""
    assert buy(site) == buy(site)
    assert shelf(site).count('<article class="order"') == 1
    assert buy(site, "item=tea&nonce=" + "c" * 26) != buy(site)


def test_ten_clicks_on_pay_are_one_session(site: Site) -> None:
    """B1: any number of clicks makes one payable object."""
    buy(site)
    [path] = re.findall(r'data-rush="([^"]+)"', shelf(site))
    answers = site.together(*[("POST", path, {"headers": {"Cookie": COOKIE}})] * 10)
    told = [answer.json() for answer in answers]
    assert sorted(each["outcome"] for each in told) == ["new"] + ["reused"] * 9
    assert len({each["attempt"] for each in told}) == 1
    led = site.ask("POST", path, headers=FORM)
    assert (led.status_code, led.headers["location"]) == (303, told[0]["url"])


def test_a_shopper_sees_charged_recorded_and_fulfilled_of_the_own_orders_only(site: Site) -> None:
    order_id = buy(site)
    [path] = re.findall(r'data-rush="([^"]+)"', shelf(site))
    site.ask("POST", path)
    site.pay({"id": order_id})
    site.deliver()
    [row] = site.ask("GET", "/shop/orders", headers={"Cookie": COOKIE}).json()["orders"]
    assert (row["id"], row["payment"], row["label"], row["can_pay"]) == (order_id, "paid", "paid", False)
    assert row["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 0}
    assert (row["item"], row["amount"]) == ("Teapot for two", "68.00 USD")
    stranger = site.ask("GET", "/shop/orders", headers={"Cookie": "payonce_shopper=" + "z" * 26})
    assert stranger.json()["orders"] == []
    again = site.ask("POST", path, headers=FORM)
    assert (again.status_code, "This is paid" in again.text) == (409, True)


@pytest.mark.parametrize(("text", "minor"), [("12.50", 1250), ("12,5", 1250), ("7", 700), ("00012", 1200)])
def test_an_own_amount_is_taken_as_written(site: Site, text: str, minor: int) -> None:
    order_id = buy(site, f"amount={text}&nonce={NONCE}")
    assert site.api("GET", f"/orders/{order_id}").json()["amount_minor"] == minor


@pytest.mark.parametrize("text", ["", "-5", "1e3", "12.505", "12.5.0", "999999", "x", "٣"])
def test_what_is_no_amount_is_refused(site: Site, text: str) -> None:
    answer = site.ask("POST", "/shop/orders", data={"amount": text, "nonce": NONCE}, headers=FORM)
    assert answer.status_code == 422
    assert site.house.rows("SELECT count(*) FROM orders") == [(0,)]


@pytest.mark.parametrize("path", ["/shop/orders", "/shop/control"])
def test_another_site_cannot_send_the_shops_forms(site: Site, path: str) -> None:
    headers = FORM | {"Sec-Fetch-Site": "cross-site"}
    answer = site.ask("POST", path, content=f"item=pot&nonce={NONCE}&act=lose", headers=headers)
    assert answer.status_code == 403
    assert site.house.rows("SELECT count(*) FROM orders") == [(0,)]


def test_without_a_simulator_there_is_no_shop(house: House) -> None:
    site = Site(house)
    site.app = build(house.world, site.settings)
    site.edge = site.app.state.edge
    assert site.ask("GET", "/", headers=PERSON).text.count("Teahouse") == 0
    assert site.ask("POST", "/shop/orders", content="item=pot", headers=FORM).status_code == 404
    site.close()


def test_buttons_for_trouble_reach_the_simulator_and_nothing_else(open_site: OpenSite) -> None:
    plain = open_site()
    assert "Make the providers misbehave" not in shelf(plain)
    assert plain.ask("POST", "/shop/control", content="act=double", headers=FORM).status_code == 422
    with serve_in_thread(plain.house.stripe) as running:
        site = Site(plain.house, simulators=(at(running.base_url),))
        order_id = buy(site)
        [path] = re.findall(r'data-rush="([^"]+)"', shelf(site))
        site.ask("POST", path)
        site.pay({"id": order_id})
        site.deliver()
        program = {"Cookie": COOKIE}
        said = site.ask("POST", "/shop/control", content=f"act=resend&order={order_id}", headers=program).json()
        assert re.fullmatch(r"[1-9] webhooks are sent again", said["said"])
        for name, says in (
            ("double", ["every webhook comes twice"]), ("double", ["every webhook comes twice"]),
            ("break", ["every webhook comes twice", "the next call fails"]), ("clear", []),
            ("lose", ["no webhook comes"]),
        ):  # fmt: skip
            assert site.ask("POST", "/shop/control", content=f"act={name}", headers=FORM).status_code == 303
            assert re.findall(r"<li>Stripe: ([^<]+)\.</li>", shelf(site)) == says
        assert site.ask("POST", "/shop/control", content="act=clear", headers=program).json()["faults"] == []
        assert site.ask("POST", "/shop/control", content="act=explode", headers=program).json()["code"] == "act_unknown"
        site.close()
    gone = Site(plain.house, simulators=(at(running.base_url),))
    assert "Stripe: the simulator does not answer." in shelf(gone)
    silent = gone.ask("POST", "/shop/control", content="act=clear", headers={"Cookie": COOKIE})
    assert (silent.status_code, silent.json()["code"]) == (503, "simulator_silent")
    gone.close()


def test_a_shopper_chooses_the_currency_and_each_provider(house: House) -> None:
    bazaar = Bazaar(house)
    dong = bazaar.ask("GET", "/?currency=VND", headers=PERSON | {"Cookie": COOKIE}).text
    assert "1750000 VND" in dong and 'aria-current="true">VND' in dong and 'placeholder="50000"' in dong
    assert "68.00 USD" in bazaar.ask("GET", "/?currency=XYZ", headers=PERSON | {"Cookie": COOKIE}).text
    for number, (currency, provider, led) in enumerate(
        [("USD", "stripe", "/c/"), ("VND", "zalopay", "openinapp"), ("USD", "nowpayments", "/pay/")]
    ):
        order_id = buy(bazaar, f"item=pot&currency={currency}&nonce={number}{'c' * 25}")
        ways = [way for way in re.findall(r'<option value="([^"]+)"', newest(bazaar)) if way.startswith(provider)]
        [path] = re.findall(r'action="([^"]+/shop/pay/[^"]+|/shop/pay/[^"]+)"', newest(bazaar))
        answer = bazaar.ask("POST", path, content=f"way={ways[0]}", headers=FORM)
        assert (answer.status_code, led in answer.headers["location"]) == (303, True), answer.headers
        assert [each["provider"] for each in bazaar.attempts_of({"id": order_id})] == [provider]
        assert f'value="{ways[0]}" selected' in newest(bazaar)
        bazaar.pay_last({"id": order_id})
        assert bazaar.see({"id": order_id})["state"] == "paid"
    bazaar.close()


def test_the_shop_offers_only_ways_that_lead_to_a_page(house: House) -> None:
    bazaar = Bazaar(house)
    buy(bazaar)
    assert re.findall(r'<option value="([^"]+)"', newest(bazaar)) == [
        "stripe/main/checkout_session", "nowpayments/main/payment", "nowpayments/main/invoice",
    ]  # fmt: skip
    [path] = re.findall(r'data-rush="([^"]+)"', newest(bazaar))
    for wrong in ("stripe/main/no_flow", "stripe/other/checkout_session", "x"):
        answer = bazaar.ask("POST", path, content=f"way={wrong}", headers={"Cookie": COOKIE})
        assert answer.status_code == 422, wrong
    assert bazaar.attempts() == 0
    bazaar.close()


def test_what_cannot_be_cancelled_is_not_left_in_the_shop_either(house: House) -> None:
    bazaar = Bazaar(house)
    buy(bazaar)
    [path] = re.findall(r'data-rush="([^"]+)"', newest(bazaar))
    assert bazaar.ask("POST", path, content="way=nowpayments/main/payment", headers=FORM).status_code == 303
    kept = bazaar.ask("POST", path, content="way=stripe/main/checkout_session", headers=FORM)
    assert (kept.status_code, "Nothing was changed" in kept.text) == (409, True)
    assert bazaar.attempts() == 1
    bazaar.close()


def test_an_own_amount_is_read_by_its_currencys_decimals(site: Site) -> None:
    for number, (fields, minor) in enumerate(
        [("amount=12,5", 1250), ("amount=7.05", 705), ("amount=50000&currency=VND", 50_000), ("amount=7", 700)]
    ):
        buy(site, f"{fields}&nonce={number}{'d' * 25}")
        assert site.house.rows("SELECT amount_minor FROM orders ORDER BY order_id DESC LIMIT 1") == [(minor,)]
    for wrong in ("amount=1.5&currency=VND", "amount=-1", "amount=1.555", "amount=%D9%A1", "amount=1e3"):
        answer = site.ask("POST", "/shop/orders", content=f"{wrong}&nonce={'e' * 26}", headers=FORM)
        assert answer.status_code == 422, wrong
