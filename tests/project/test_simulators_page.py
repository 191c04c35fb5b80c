"""docs/simulators.md names every control of every simulator, and no other one."""

from __future__ import annotations

import re

from payonce.providers.simulator.control import COMMON
from payonce.providers.simulator.delivery_faults import DELIVERY_FAULTS
from payonce.providers.simulator.faults import KINDS
from payonce.providers.simulator.nowpayments.control import CONTROLS as OF_NOWPAYMENTS
from payonce.providers.simulator.stripe.control import CONTROLS as OF_STRIPE
from payonce.providers.simulator.zalopay.control import controls as of_zalopay
from tests.project.tree import ROOT

PAGE = (ROOT / "docs" / "simulators.md").read_text("utf-8")
# What is told once for all of them, because all of them have it.
SHARED = ("POST", "events/resend")


def test_the_page_of_simulators_names_every_control() -> None:
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    told = {part.split("\n", 1)[0]: _controls(part) for part in parts}
    assert told == {
        "Every simulator": {*COMMON, SHARED},
        "Stripe": {*OF_STRIPE} - {SHARED},
        "ZaloPay": {*of_zalopay()} - {SHARED},
        "NOWPayments": {*OF_NOWPAYMENTS} - {SHARED},
    }


def test_the_page_of_simulators_names_every_fault() -> None:
    assert [kind for kind in (*KINDS, *DELIVERY_FAULTS) if f"`{kind}`" not in PAGE] == []


def _controls(text: str) -> set[tuple[str, str]]:
    found = re.findall(r"`(GET|POST|DELETE) /_sim/([^`]+)`", text)
    return {(method, path.replace("/NAME", "")) for method, path in found}
