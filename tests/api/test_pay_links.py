"""Payment links lead a person to the provider's page, and nobody else anywhere."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from payonce.providers.simulator.faults import Fault, Faults
from tests.api.conftest import OpenSite
from tests.support.line import Line
from tests.support.site import PERSON, Site

NOT_A_PERSON: list[tuple[str, dict[str, str]]] = [
    ("HEAD", {}),
    ("GET", {"Sec-Purpose": "prefetch"}),
    ("GET", {"Sec-Purpose": "prefetch;prerender"}),
    ("GET", {"Purpose": "prefetch"}),
    ("GET", {"X-Moz": "prefetch"}),
    ("GET", {"X-Purpose": "preview"}),
    ("GET", {"Sec-Fetch-Dest": "image"}),
    ("GET", {"User-Agent": "WhatsApp/2.23.20.0 A"}),
    ("GET", {"User-Agent": "TelegramBot (like TwitterBot)"}),
    ("GET", {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"}),
    ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}),
    ("GET", {"User-Agent": "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"}),
    ("GET", {"User-Agent": ""}),
]


def test_a_link_leads_a_person_to_the_providers_page(site: Site) -> None:
    """D1: `GET` of a payment link leads the person to the provider's page."""
    order = site.place()
    answer = site.open_link(order)
    assert answer.status_code == 307
    [payable] = site.house.stripe.truth.payable_now()
    assert payable.id in answer.headers["location"]


@pytest.mark.parametrize(("method", "headers"), NOT_A_PERSON)
def test_who_does_not_want_to_pay_creates_nothing_and_gets_a_page(
    site: Site, method: str, headers: dict[str, str]
) -> None:
    """D3: preview agents, HEAD, prefetch and prerender requests create nothing and get a preview page."""
    order = site.place(reference="R-61-secret", payer={"reference": "player-27", "name": "Jo Doe"})
    answer = site.ask(method, order["pay_url"], headers=PERSON | headers)
    assert answer.status_code == 200
    assert site.attempts() == 0
    assert site.house.stripe.truth.payable_now() == []
    assert [word for word in ("R-61-secret", "player-27", "Jo Doe", "fee:27") if word in answer.text] == []
    if method == "GET":
        assert answer.text.count("45.00 USD") == 1 + answer.text.count('content="45.00 USD. Open this link to pay.')
        assert '<form method="post"' in answer.text


def test_a_button_may_create_whoever_pressed_it(site: Site) -> None:
    """X9: POST always may create, and answers 303; GET answers 307."""
    order = site.place()
    pressed = site.ask("POST", order["pay_url"], headers={"User-Agent": "WhatsApp/2.0"})
    opened = site.open_link(order)
    assert (pressed.status_code, opened.status_code) == (303, 307)
    assert pressed.headers["location"] == opened.headers["location"]


def test_a_bot_before_the_payer_takes_nothing_away_from_the_payer(site: Site) -> None:
    """D3: seven previews, then seven payers: nobody is refused."""
    orders = [site.place(f"fee:{player}:2026-05") for player in range(7)]
    for order in orders:
        site.ask("GET", order["pay_url"], headers={"User-Agent": "WhatsApp/2.0"})
    assert [site.open_link(order).status_code for order in orders] == [307] * 7


def test_fifty_clicks_make_one_session(site: Site) -> None:
    """B1: any number of clicks makes one payable object."""
    order = site.place()
    answers = site.together(*[("GET", order["pay_url"], {"headers": PERSON})] * 50)
    assert {answer.status_code for answer in answers} == {307}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert site.attempts() == 1


def test_while_a_payment_is_processing_nothing_new_is_started(site: Site) -> None:
    """D6: 409 is for paid orders only; processing is 202, with when to look again."""
    order = site.place()
    site.open_link(order)
    site.pay(order, "pm_usBankAccount_processing")
    site.deliver()
    page, program = site.open_link(order), site.ask("GET", order["pay_url"])
    assert (page.status_code, program.status_code) == (202, 202)
    assert program.json()["reason"] == "processing"
    assert int(page.headers["retry-after"]) == program.json()["retry_after"] > 0
    assert "/static/waiting.js" in page.text
    assert site.attempts() == 1


def test_an_expired_order_opens_again_for_its_payer(site: Site) -> None:
    """D2: an order that merely expired is opened again by a payer who comes back."""
    order = site.place()
    site.open_link(order)
    site.clock.move(25 * 3600)
    site.house.close_old()
    assert site.see(order)["closed_reason"] == "expired"
    assert site.open_link(order).status_code == 307


def test_a_cancelled_order_is_gone(site: Site) -> None:
    """D2: what the merchant cancelled is 410, and not 409."""
    order = site.place()
    assert site.api("POST", f"/orders/{order['id']}/cancel").status_code == 200
    answer = site.open_link(order)
    assert answer.status_code == 410
    assert "no longer be paid" in answer.text


def test_a_purpose_that_another_order_paid_is_paid(site: Site) -> None:
    """D2: 409 for an order whose purpose is paid; the newest order's payment is named."""
    old = site.place()
    site.open_link(old)
    new = site.place(amount_minor=5000, reference="R-2")
    site.open_link(new)
    site.pay(new)
    site.deliver()
    blocked = site.ask("GET", old["pay_url"])
    assert (blocked.status_code, blocked.json()["code"]) == (409, "order_paid")
    assert blocked.json()["order_id"] == new["id"]


def test_a_silent_provider_is_503_with_when_to_try_again(site: Site) -> None:
    """D13: it is counted as a checkout that was not answered."""
    order = site.place()
    faults = site.house.stripe.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault("timeout"), times=None)
    page = site.open_link(order)
    assert page.status_code == 503
    assert int(page.headers["retry-after"]) > 0
    assert f'action="/pay/{order["pay_url"].rpartition("/")[2]}"' in page.text
    assert 'payonce_checkout_total{outcome="silent"} 1.0' in site.ask("GET", "/metrics").text


@pytest.mark.parametrize("path", ["/pay/{}", "/status/{}"])
@pytest.mark.parametrize("token", ["a" * 26, "short", "ORD_01", "%00", "a" * 300, "a" * 26 + "-nobody"])
def test_every_unknown_link_is_answered_alike(site: Site, path: str, token: str) -> None:
    known = site.ask("GET", "/pay/" + "b" * 26).json()
    answer = site.ask("GET", path.format(token))
    assert answer.status_code == 404
    assert answer.json() | {"instance": ""} == known | {"instance": ""}


def test_guessing_links_is_slowed_and_never_blocks_a_payer_at_the_same_address(site: Site) -> None:
    order = site.place()
    answers = [site.ask("GET", f"/pay/{'c' * 25}{number % 10}") for number in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) == 60
    assert site.open_link(order).status_code == 307
    assert site.ask("GET", "/pay/" + "d" * 26, address="203.0.113.99").status_code == 404
    site.clock.move(61)
    assert site.ask("GET", "/pay/" + "d" * 26).status_code == 404


def test_a_payment_intent_is_paid_on_the_applications_page(open_site: OpenSite) -> None:
    site = open_site({"flow": "payment_intent"}, pay_page_url="https://shop.example/pay?lang=en")
    order = site.place()
    answer = site.open_link(order)
    assert answer.status_code == 307
    assert answer.headers["location"] == f"https://shop.example/pay?lang=en&order={order['id']}"


def test_without_a_page_for_payment_intents_the_link_says_what_is_missing(open_site: OpenSite) -> None:
    site = open_site({"flow": "payment_intent"})
    answer = site.ask("GET", site.place()["pay_url"])
    assert (answer.status_code, answer.json()["code"]) == (501, "pay_page_missing")
    assert "PAYONCE_PAY_PAGE_URL" in answer.json()["hint"]


def test_when_the_database_is_gone_the_payer_is_told_to_try_again(cut_site: tuple[Site, Line]) -> None:
    site, line = cut_site
    order = site.place()
    line.close()
    page, program = site.open_link(order), site.ask("GET", order["pay_url"])
    assert (page.status_code, program.status_code) == (503, 503)
    assert int(page.headers["retry-after"]) > 0
    assert (program.json()["code"], program.json()["retryable"]) == ("store_unavailable", True)


def test_every_call_of_a_payer_leaves_evidence(site: Site) -> None:
    """E20: who called is kept: address, user agent, referer, time, order, and what was answered."""
    order = site.place()
    site.open_link(order, Referer="https://mail.example/")
    site.ask("GET", order["status_url"], address="198.51.100.4")
    site.ask("POST", order["status_url"] + "/refresh")
    site.ask("HEAD", order["pay_url"])
    site.run(site.edge.evidence.written())
    rows = site.house.rows(
        "SELECT call, address, referer, answer, at = %s FROM evidence ORDER BY evidence_id", site.clock.now()
    )
    assert rows == [
        ("pay", "203.0.113.7", "https://mail.example/", 307, True),
        ("status", "198.51.100.4", None, 200, True),
        ("refresh", "203.0.113.7", None, 200, True),
        ("preview", "203.0.113.7", None, 200, True),
    ]


def test_nobody_keeps_a_payers_pages_and_no_log_holds_a_link(site: Site) -> None:
    order = site.place()
    token = order["pay_url"].rpartition("/")[2]
    with capture_logs() as lines:
        answers = [site.open_link(order), site.ask("GET", order["status_url"]), site.ask("HEAD", order["pay_url"])]
    assert all("no-store" in answer.headers["cache-control"] or answer.status_code == 200 for answer in answers)
    assert [line for line in lines if token in str(line)] == []
    assert {line["route"] for line in lines if line["event"] == "answered"} >= {"/pay/{token}"}


def test_a_payer_without_a_page_to_go_back_to_lands_where_the_payment_is_waited_for(site: Site) -> None:
    order = site.place(success_url=None)
    assert site.see(order)["success_url"] == "http://pay.test/thanks"
    cookie = site.open_link(order).headers["set-cookie"].partition(";")[0]
    back = site.ask("GET", "/thanks", headers={"Cookie": cookie})
    assert (back.status_code, back.headers["location"]) == (303, order["status_url"].removeprefix("http://pay.test"))
    for hostile in ("payonce_link=//evil.example", "payonce_link=..", "other=1", ""):
        assert site.ask("GET", "/thanks", headers={"Cookie": hostile}).status_code == 200
