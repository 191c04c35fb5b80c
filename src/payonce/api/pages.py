"""Pages for people: drawn on the server from templates, without inline code, usable without scripts for reading.

A problem becomes a page that says what happened in plain words; its code and instance stand below for those who ask
support.
"""

from __future__ import annotations

from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from payonce.api import problems
from payonce.api.calls import call_of
from payonce.api.settings import ApiSettings
from payonce.api.times import day_and_time
from payonce.api.words import name_of
from payonce.base.errors import PayonceError

# code -> (headline, what the payer needs to know)
_SAYINGS: Final = {
    "order_paid": ("This is paid", "Nothing is left to do."),
    "order_gone": ("This can no longer be paid", "Ask whoever sent you the link for a new one."),
    "link_unknown": ("This link leads nowhere", "It may be incomplete. Open it again from the message you got."),
    "too_many_unknown_links": ("Please wait a moment", "Too many unknown links were opened from here."),
    "status_limited": ("Please wait a moment", "This page was asked for very often."),
    "pay_limited": ("Please wait a moment", "This link was opened very often."),
    "provider_silent": ("The payment page does not open right now", "No payment was started. Please try again soon."),
    "provider_busy": ("The payment page does not open right now", "No payment was started. Please try again soon."),
    "checkout_busy": ("One moment", "Your payment page is being prepared in another window."),
    "store_unavailable": ("One moment", "We cannot open your payment page right now. Please try again soon."),
    "provider_refused": ("This cannot be paid online", "The payment provider declined the request of the shop."),
    "not_left": ("Nothing was changed", "What you began cannot be called back. Sent nothing? Then tick that box."),
    "leave_unanswered": ("Nothing was changed", "We could not see whether something was sent. Please try again soon."),
    "way_unknown": ("There is no such way to pay here", "Please go back and choose one of those that are offered."),
    "pay_page_missing": ("This is paid in the shop", "Please go back to where you ordered and pay there."),
}  # fmt: skip
_TRY_AGAIN: Final = frozenset(
    {"pay_limited", "provider_silent", "provider_busy", "checkout_busy", "store_unavailable", "overloaded"}
)
# After these the payer looks at the payment, and chooses there.
_SEE_STATUS: Final = {"order_paid": "See the payment", "not_left": "Choose again", "leave_unanswered": "Choose again"}
# Nothing of a payment's pages is kept by anybody on the way, and no search engine lists them.
PRIVATE: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


class Pages:
    """Renders templates with what every page needs. `simulated` names the providers that no real money moves at."""

    def __init__(self, settings: ApiSettings, *, simulated: str) -> None:
        self._settings = settings
        self._simulated = simulated
        self._templates = Environment(
            loader=PackageLoader("payonce.api"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters["day_and_time"] = day_and_time

    def draw(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """The page. Links in it begin with where this application is mounted."""
        root = root_of(request)
        text = self._templates.get_template(template).render(
            root=root, simulated=self._simulated, merchant=self._settings.merchant_name, **values
        )
        return HTMLResponse(text, status, PRIVATE)

    def notice(self, request: Request, status: int, title: str, *sentences: str, **values: Any) -> Response:
        """A page that only says something, with at most one thing to do next."""
        given: dict[str, Any] = {"pay_again": None, "pay_label": "", "link": None, "link_label": "", "code": None}
        return self.draw(request, "notice.html", status, **given | values, title=title, sentences=sentences)

    def problem(self, request: Request, error: PayonceError) -> Response:
        """The problem as a page, with the headers that it has as JSON."""
        members = problems.problem_of(error, self._settings.base_url, call_of(request).request_id)
        title, saying = _SAYINGS.get(error.code, (members["title"], str(members["detail"]).capitalize() + "."))
        sentences = [saying]
        if error.code == "order_paid" and error.detail.get("paid_at"):
            by = f" through {name_of(error.detail['paid_by'])}" if error.detail.get("paid_by") else ""
            sentences.insert(0, f"It was paid on {day_and_time(error.detail['paid_at'])}{by}.")
            if error.detail.get("refunded"):
                sentences.append("The money was returned since.")
        token = request.path_params.get("token")
        again = f"{root_of(request)}/pay/{token}" if token and error.code in _TRY_AGAIN else None
        # Whoever pressed Pay a second time wants to know that the first time counted.
        status = f"{root_of(request)}/status/{token}" if token and error.code in _SEE_STATUS else None
        response = self.notice(
            request, error.status, title, *sentences, pay_again=again, pay_label="Try again", link=status,
            link_label=_SEE_STATUS.get(error.code, ""), code=error.code, instance=members["instance"],
        )  # fmt: skip
        response.headers.update(problems.headers_of(error))
        return response


def root_of(request: Request) -> str:
    """Where this application is mounted, without what is mounted in it."""
    return call_of(request).root
