"""Every route of the application, found by walking it: a new one fails here until somebody says who may call it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from starlette.routing import BaseRoute, Mount

from payonce.usecases.api_keys import SCOPES, revoke_keys
from tests.api.test_keys import ROUTES, make_key, paid_order
from tests.promises.soundness import everything
from tests.support.site import Site

# What stands in the place of an API key, or why nothing needs to.
PUBLIC: Final[dict[tuple[str, str], str]] = {
    ("POST", "/webhooks/{provider}"): "the provider's signature",
    ("POST", "/webhooks/{merchant}/{provider}"): "the provider's signature",
    ("POST", "/webhooks/{merchant}/{provider}/{account}"): "the provider's signature",
    ("GET", "/pay/{token}"): "the token of a link, 128 bits of chance",
    ("POST", "/pay/{token}"): "the token of a link, 128 bits of chance",
    ("GET", "/status/{token}"): "the token of a link, 128 bits of chance",
    ("POST", "/status/{token}/refresh"): "the token of a link, 128 bits of chance",
    ("GET", "/thanks"): "leads on to a link that the caller has; tells nothing by itself",
    ("GET", "/livez"): "tells that the process lives",
    ("GET", "/readyz"): "tells whether it can work",
    ("GET", "/metrics"): "numbers without names",
    ("GET", "/problems/{code}"): "words about an error",
    ("GET", "/static"): "files of ours",
    ("GET", "/v1/openapi.json"): "the description of the API",
    ("GET", "/v1/docs"): "the description of the API",
    ("GET", "/"): "the demo shop, beside simulated providers only",
    ("GET", "/shop/orders"): "the shopper's cookie, 128 bits of chance",
    ("POST", "/shop/orders"): "the shopper's cookie, 128 bits of chance",
    ("POST", "/shop/pay/{token}"): "the token of a link, 128 bits of chance",
    ("POST", "/shop/control"): "the demo shop, beside simulated providers only",
}
NO_KEYS: Final = (
    "", "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "Bearer *", "Bearer ' OR '1'='1", "Bearer %00",
    "Bearer \xe9\xe8", "Basic ZGVmYXVsdDo=", "Token pok_x", "bearer:pok_x", f"Bearer {'x' * 20_000}",
)  # fmt: skip
# Names of a person or an application that some in front of an application would add, and none of which is believed.
CLAIMS: Final = {
    "X-WCPAY-PLATFORM-CHECKOUT-USER": "1", "X-Forwarded-User": "admin", "X-Remote-User": "admin", "X-User-Id": "1",
    "X-Merchant-Id": "default", "X-Original-URL": "/livez", "X-Rewrite-URL": "/livez", "X-Forwarded-For": "127.0.0.1",
    "X-HTTP-Method-Override": "GET", "X-Api-Key": "key_of_the_first_caller",
    "Cookie": "api_key=key_of_the_first_caller",
}  # fmt: skip


def walked(routes: list[BaseRoute], above: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route, with those of what is mounted."""
    for route in routes:
        path = f"{above}{getattr(route, 'path', '')}"
        # FastAPI keeps a router that was included as one route, with the router behind it.
        inner = getattr(route, "original_router", None) or (
            route if isinstance(route, Mount) and route.routes else None
        )
        if inner is not None:
            yield from walked(list(inner.routes), path)
        else:
            methods = getattr(route, "methods", None) or {"GET"}
            yield from ((method, path) for method in methods if method not in ("HEAD", "OPTIONS"))


def test_of_every_route_it_is_said_who_may_call_it(site: Site) -> None:
    """B16: nothing is open because nobody thought of it."""
    keyed = {(method, f"/v1{path}") for method, path, _, _ in ROUTES}
    found = {(method, path.replace("_id}", "}")) for method, path in walked(list(site.app.router.routes))}
    assert found - keyed - PUBLIC.keys() == set(), "say in PUBLIC or in ROUTES of test_keys who may call it"
    assert (keyed | PUBLIC.keys()) - found == set(), "there is no such route"


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES)
def test_without_a_key_in_force_nothing_is_read_and_nothing_done(
    site: Site, method: str, path: str, body: Any, scope: str
) -> None:
    """B16: none, a wrong one, one that was revoked, and one that is no key at all."""
    ids = paid_order(site)
    revoked = make_key(site, *SCOPES, name="gone")
    assert site.house.run(revoke_keys(site.house.world, "default", "gone")) == 1
    before, asked = everything(site.house), f"/v1{path.format(**ids)}"
    more = {} if body is None else {"json": body}
    for header in (*NO_KEYS, f"Bearer {revoked}", f"Basic {revoked}"):
        sent = {"Authorization": header.encode("latin-1"), "Idempotency-Key": b"k"}
        answer = site.ask(method, asked, headers=sent, **more)
        assert (answer.status_code, answer.json()["code"]) in ((401, "key_missing"), (401, "key_unknown")), header[:40]
    # CVE-2023-28121: who calls is not what a header says (X-WCPAY-PLATFORM-CHECKOUT-USER).
    claimed = site.ask(method, asked, headers=CLAIMS, **more)
    assert (claimed.status_code, claimed.json()["code"]) == (401, "key_missing")
    assert everything(site.house) == before


@pytest.mark.parametrize("path", sorted({path for method, path in PUBLIC if "{token}" in path}))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_link_opens_is_closed_to_who_has_none(site: Site, method: str, path: str) -> None:
    """B16: of links that nobody was given, every answer is the same (CVE-2023-34000: order data by counting ids)."""
    order = site.place()
    token = order["pay_url"].rpartition("/")[2]
    before, said = everything(site.house), set()
    near = [
        token[:-1] + ("0" if token[-1] != "0" else "1"), token[1:] + token[0], token.upper(),
        f"{token}-shop_2", order["id"], order["id"].partition("_")[2], "1", "0", "2", "..%2f..%2f", "%00", "%ff%fe",
        "a" * 5000, "'%20OR%20'1'='1", "{{7*7}}", "\u0661",
    ]  # fmt: skip
    for number, guess in enumerate(near):
        answer = site.ask(method, path.format(token=guess), address=f"198.51.{number}.7")
        if answer.status_code != 405:
            said.add((answer.status_code, answer.json()["code"]))
    assert said <= {(404, "link_unknown"), (404, "not_found")}, said
    assert everything(site.house) == before
