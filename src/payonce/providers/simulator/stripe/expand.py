"""`expand[]`: replaces an id by the object that it names, up to four levels deep."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import StripeError

DEEPEST: Final = 4
# Members that hold ids of objects which exist here.
EXPANDABLE: Final = {
    "balance_transaction", "charge", "failure_balance_transaction", "latest_charge", "payment_intent", "payment_method",
    "source",
}  # fmt: skip


def check_paths(paths: list[str]) -> None:
    """Refuse what nothing here could expand, before anything is done. Raises StripeError 400."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise StripeError("You cannot expand more than 4 levels of a property.", param="expand")
        if not set(steps) <= EXPANDABLE | {"data", "line_items", "refunds"}:
            raise StripeError(f"This property cannot be expanded ({path}).", param="expand")


def expand(books: Books, shown: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """`shown` with the members at `paths` (`latest_charge.balance_transaction`, `data.payment_intent`) filled in."""
    for path in paths:
        _fill(books, shown, path.split("."), path)
    return shown


def _fill(books: Books, shown: dict[str, Any], steps: list[str], path: str) -> None:
    name, rest = steps[0], steps[1:]
    if name == "line_items" and shown.get("object") == "checkout.session":
        shown[name] = books.sessions[shown["id"]].items_shown()
        return
    if name == "refunds" and shown.get("object") == "charge":
        # Left out of a charge unless asked for, since API version 2022-11-15; the newest ten.
        rows = [row.shown() for row in reversed(books.refunds.values()) if row.charge == shown["id"]]
        url = f"/v1/charges/{shown['id']}/refunds"
        shown[name] = {"object": "list", "data": rows[:10], "has_more": len(rows) > 10, "url": url}
        return
    value = shown.get(name)
    if isinstance(value, list) and name == "data" and rest:
        for row in value:
            _fill(books, row, rest, path)
        return
    if name not in shown or (name not in EXPANDABLE and not isinstance(value, dict)):
        text = f"This property cannot be expanded ({path})."
        raise StripeError(text, param="expand")
    if isinstance(value, str):
        value = shown[name] = _object(books, value, path)
    if rest and isinstance(value, dict):
        _fill(books, value, rest, path)


def _object(books: Books, object_id: str, path: str) -> dict[str, Any]:
    for shelf in (
        books.intents,
        books.charges,
        books.transactions,
        books.refunds,
        books.disputes,
        books.methods,
    ):
        if object_id in shelf:
            return shelf[object_id].shown()
    raise StripeError(f"This property cannot be expanded ({path}).", param="expand")
