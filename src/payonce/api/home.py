"""The front door where there is no shop, and what each problem's `type` leads to."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from payonce.api.edge import edge_of
from payonce.api.pages import root_of
from payonce.base.errors import Refused

# code -> (what it means, what to do). Codes that are not here explain themselves in `detail`.
MEANINGS: Final = {
    "order_paid": ("The order, or its purpose, is paid already.",
                   "Show the payer when and how (`paid_at`, `paid_by`). Nothing was started."),
    "order_gone": ("The order was cancelled, or another one took its place.", "Place a new order."),
    "purpose_taken": ("An order for this purpose is open for another payer.",
                      "Check the purpose: it names one thing that one payer owes."),
    "purpose_held": ("The open order of this purpose has other values and cannot be closed now.",
                     "Finish the order that `order_id` names, or wait until it expires."),
    "amount_not_payable": ("No provider that is configured here can take this amount in this currency.",
                           "`reasons` says why, by provider; another amount or currency may be taken."),
    "flow_unknown": ("No provider account that fits has this way to pay.", "`detail` lists those there are."),
    "reference_taken": ("Another order has this reference.", "Every order needs a reference of its own."),
    "provider_silent": ("The provider gave no answer; what it may have made is found again by its key.",
                        "Send the same request again after `Retry-After`."),
    "checkout_busy": ("Another click on the same order is being served.", "Try again after `Retry-After`."),
    "overloaded": ("More is under way here than can be answered. Nothing was done.", "Try again after `Retry-After`."),
    "store_unavailable": ("The database did not answer. Nothing was given out.", "Try again after `Retry-After`."),
    "provider_refused": ("The provider said no to this payment; nothing was made there.", "Read `detail`."),
    "idempotency_key_missing": ("A request about money came without an Idempotency-Key.",
                                "Make one key for each request and repeat it when you repeat the request."),
    "idempotency_key_reused": ("The key was sent before with another request.", "Make a new key."),
    "request_running": ("A request with this key is being answered.", "Try again after `Retry-After`."),
    "request_invalid": ("A field or parameter has another shape; `errors` lists which.", "Correct the request."),
    "json_invalid": ("The body is not the JSON that we take.", "Send UTF-8 JSON without duplicate keys or NaN."),
    "card_data_refused": ("The request holds what looks like a card number.",
                          "Never send card numbers here; they are entered on the provider's page only."),
    "key_missing": ("No API key was sent.", "Send Authorization: Bearer <key>."),
    "key_unknown": ("The API key is unknown or revoked.", "Check the key."),
    "scope_missing": ("The API key may not do this.", "Use a key with the scope that `scope` names."),
    "status_limited": ("The status was asked for more than five times within a minute.",
                       "Obey `retry_after`: whoever does never meets the limit. The last known state is in the body."),
    "webhook_forged": ("The signature of a webhook does not verify.",
                       "Compare the endpoint's signing secret with the one that is configured here."),
    "provider_unknown": ("There is no such provider account here.", "Check the address or the field `provider`."),
    "not_left": ("What was begun cannot be cancelled there, and its payer did not say that nothing was sent.",
                 "Ask the payer, then send the attempt's number as `leave`."),
    "leave_unanswered": ("The provider does not say whether something was sent. Nothing was changed.",
                         "Try again after `Retry-After`."),
    "way_unknown": ("There is no such account of this merchant.", "Choose one that the payment's page offers."),
    "pay_page_missing": ("A payment intent is paid on the application's page, and none is configured.",
                         "Set PAYONCE_PAY_PAGE_URL, or use the flow checkout_session."),
    "bug": ("Something here is broken.", "Tell the operator the `instance`."),
}  # fmt: skip


async def home(request: Request) -> Response:
    """Says what this is; it has nothing to show to anybody who was not sent a link."""
    said = "This is a payonce service. It answers payment links, webhooks and its API."
    pages = edge_of(request).pages
    return pages.notice(request, 200, "payonce", said, link=f"{root_of(request)}/v1/docs", link_label="API reference")


async def problem(request: Request) -> Response:
    """What a code means, for whoever follows a problem's `type`."""
    code = request.path_params["code"]
    if code not in MEANINGS:
        raise Refused("no more is written about this code; its detail says it all", code="not_found", status=404)
    return edge_of(request).pages.notice(request, 200, code.replace("_", " ").capitalize(), *MEANINGS[code])
