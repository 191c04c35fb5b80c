"""`payonce stock`: what an operator looks at and says by hand."""

from __future__ import annotations

from tests.cli.conftest import Payonce
from tests.support.house import House

SEAT = [{"sku": "seat", "quantity": 1}]


def test_an_operator_says_how_much_there_is_and_sees_what_orders_took(payonce: Payonce, house: House) -> None:
    """C13: free, held and sold pieces are all there are."""
    said = payonce("stock", "set", "seat", "3", "--reason", "delivered", "--json")
    assert (said.code, said.json["on_hand"], said.json["free"]) == (0, 3, 3)
    house.place(items=SEAT)
    sold = house.place("free of charge", amount_minor=0, items=SEAT)
    [item] = payonce("stock", "list", "--json").json
    assert [item[name] for name in ("sku", "on_hand", "free", "held", "sold")] == ["seat", 3, 1, 1, 1]
    assert payonce("stock", "list").out.startswith("seat\t3\t1\t1\t1\t")
    assert "item seat x 1: sold" in payonce("orders", "show", sold.reference).out
    back = payonce("stock", "restock", sold.reference, "--reason", "came by post")
    assert (back.code, back.out) == (0, "seat x 1: returned\n")
    assert payonce("stock", "set", "seat", "5", "--reason", "counted").out == "seat: 5 in all, 4 free, 1 held, 0 sold\n"


def test_fewer_than_orders_have_cannot_be_said_and_nothing_changes(payonce: Payonce, house: House) -> None:
    payonce("stock", "set", "seat", "2", "--reason", "delivered")
    house.place(items=SEAT)
    refused = payonce("stock", "set", "seat", "0", "--reason", "lost", "--json")
    assert (refused.code, refused.error["code"], refused.error["detail"]) == (1, "stock_in_use", {"held": 1, "sold": 0})
    assert payonce("stock", "list", "--json").json[0]["on_hand"] == 2


def test_nobody_says_a_number_without_a_reason(payonce: Payonce, house: House) -> None:
    assert payonce("stock", "set", "seat", "2").code == 2
    assert house.rows("SELECT sku FROM stock_items") == []
