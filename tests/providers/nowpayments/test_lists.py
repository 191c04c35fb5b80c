"""NOWPayments' list: what is asked for, exact amounts, and that one payment which nobody can read hides no other."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from payonce.base.errors import Bug
from payonce.providers.contract import NotDone, Unknown, Unreadable, Verified
from payonce.providers.listing import Page
from payonce.providers.transport import Answer
from tests.providers.nowpayments.samples import NOW, adapter, error, lister, ok, page, payment, told

CALL = lister().list_page("payments", NOW, None, None)


def read(answer: Answer) -> Page:
    """The page of an answer."""
    found = lister().listed(CALL, answer)
    assert isinstance(found, Page), found
    return found


def test_without_e_mail_and_password_there_is_no_list() -> None:
    """A11: then what is known is asked about one by one."""
    assert adapter().capabilities.lists == ()
    assert [listing.name for listing in lister().capabilities.lists] == ["payments", "payments_of_days"]
    with pytest.raises(Bug):
        adapter().list_page("payments", NOW, None, None)
    with pytest.raises(Bug):
        lister().list_page("invoices", NOW, None, None)


def test_a_page_is_asked_for_by_its_window_and_number() -> None:
    call = lister().list_page("payments_of_days", NOW, NOW + timedelta(hours=1), "3")
    asked = dict(parse_qsl(urlsplit(call.path).query))
    assert (call.method, asked["page"], asked["limit"], asked["orderBy"]) == ("GET", "3", "500", "desc")
    assert asked["dateFrom"].endswith("Z") and asked["dateFrom"] < asked["dateTo"]
    assert "dateTo" not in CALL.path
    assert lister().needs_token(call)


def test_a_page_keeps_every_digit_and_says_where_it_goes_on() -> None:
    """B17: amounts are read digit for digit, also out of a list."""
    one = payment("finished", actually_paid=0.00001234)
    found = read(ok(page(one, number=0, pages=2)))
    assert found.next_page == "1"
    said = lister().again(found.entries[0].body, "backfill")
    assert isinstance(said, Verified)
    assert [each.seen for each in said.observations] == [each.seen for each in told(one)]
    assert read(ok(page(one, number=1, pages=2))).next_page is None
    assert read(ok(page())) == Page(())


@pytest.mark.parametrize("odd", [{"payment_id": None}, {"nothing": "\x00"}, "a text", None, 7])
def test_a_payment_that_nobody_can_read_hides_no_other(odd: object) -> None:
    """A11: what is odd in somebody else's payment is met when that one is read."""
    ours, theirs = (
        lister().again(entry.body, "backfill") for entry in read(ok(page(payment("finished"), odd))).entries  # type: ignore[arg-type]
    )  # fmt: skip
    assert isinstance(ours, Verified) and ours.observations
    assert isinstance(theirs, Unreadable)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data":{}}', b'{"data":[]}', b'{"data":[],"page":0}', b"[" * 100_000])
def test_what_is_no_list_decides_nothing(body: bytes) -> None:
    assert isinstance(lister().listed(CALL, Answer(200, (), body)), Unknown)


def test_a_refusal_is_a_clear_no_and_trouble_is_none() -> None:
    assert isinstance(lister().listed(CALL, error(403)), NotDone)
    assert isinstance(lister().listed(CALL, error(500)), Unknown)
