"""`payonce run`: a script in the frame of a run; it tells nobody unless that is said, and can create no payment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from payonce.base.ids import ORDER, show
from tests.cli.conftest import Payonce
from tests.support.house import House

CANCEL = """
import payonce

def main(engine):
    for order in {orders!r}:
        engine.cancel_order(order)
"""
CANCEL_ASYNC = """
NOTIFY = "{notify}"

async def main(engine):
    for order in {orders!r}:
        await engine.cancel_order(order)
"""
APP = """
import payonce

engine = payonce.Payonce({url!r}, providers=[payonce.Stripe(
    api_key="sk_test_house_1234567890", webhook_secrets=["whsec_of_the_house_1234567890"],
    api_base="http://127.0.0.1:9",
)])

@engine.effect("told", on="order.closed", nature="notification", on_unknown="resend")
async def told(effect): ...
"""


@pytest.fixture
def app(payonce: Payonce, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An application whose engine declares a notification of closed orders."""
    monkeypatch.delitem(sys.modules, "shop_of_scripts", raising=False)
    (tmp_path / "shop_of_scripts.py").write_text(APP.format(url=database_url))
    return "shop_of_scripts:engine"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "fix_orders.py"
    path.write_text(text)
    return str(path)


def told(house: House) -> list[tuple[object, ...]]:
    return house.rows("SELECT state, reason FROM effects WHERE kind = 'told'")


@pytest.mark.parametrize(
    ("flag", "notify", "state"),
    [
        ((), "never", ("suppressed", "run_tells_nobody")),
        (("--notify", "preview"), "preview", ("suppressed", "preview")),
        (("--notify", "send"), "send", ("pending", None)),
    ],
)
def test_a_script_tells_nobody_unless_that_is_said_and_says_so(
    payonce: Payonce, house: House, app: str, tmp_path: Path, flag: tuple[str, ...], notify: str, state: object
) -> None:
    """A13: without a word it runs as `never`, and the screen says it; A14: with caps, as a run of its own."""
    order = house.place()
    script = write(tmp_path, CANCEL.format(orders=[show(ORDER, order.id)]))
    ran = payonce("--app", app, "run", script, *flag, "--json")
    assert ran.code == 0, ran.err
    assert f"notify={notify}" in ran.err
    assert (ran.json["job"], ran.json["state"], ran.json["taken"]) == ("script:fix_orders", "done", 1)
    assert (ran.json["messages"], ran.json["suppressed"]) == ((1, 0) if notify == "send" else (0, 1))
    assert house.see(order).state == "closed"
    assert told(house) == [state]
    assert house.rows("SELECT count(DISTINCT run_id) FROM audit WHERE run_id IS NOT NULL") == [(1,)]


def test_a_file_can_say_itself_whom_it_tells_and_be_async(
    payonce: Payonce, house: House, app: str, tmp_path: Path
) -> None:
    """A13: NOTIFY in the file, where the flag says nothing."""
    order = house.place()
    ran = payonce(
        "--app", app, "run", write(tmp_path, CANCEL_ASYNC.format(notify="send", orders=[show(ORDER, order.id)]))
    )
    assert ran.code == 0, ran.err
    assert told(house) == [("pending", None)]
    refused = payonce("run", write(tmp_path, CANCEL_ASYNC.format(notify="perhaps", orders=[])), "--json")
    assert (refused.code, refused.error["code"]) == (1, "job_notify_missing")


def test_a_script_stops_at_its_cap(payonce: Payonce, house: House, app: str, tmp_path: Path) -> None:
    """A14: not one order more; what was done before stands, and the finding says so."""
    orders = [house.place(f"fee:{number}") for number in range(4)]
    script = write(tmp_path, CANCEL.format(orders=[show(ORDER, order.id) for order in orders]))
    ran = payonce("--app", app, "run", script, "--most-rows", "2", "--json")
    assert (ran.code, ran.json["state"], ran.json["taken"]) == (1, "stopped", 2)
    assert [house.see(order).state for order in orders] == ["closed", "closed", "open", "open"]
    assert house.rows("SELECT kind FROM findings") == [("job_breaker",)]


def test_a_script_cannot_create_a_payment(payonce: Payonce, house: House, tmp_path: Path) -> None:
    """A8: what it is handed has no way to."""
    order = house.place()
    script = write(tmp_path, f"def main(engine):\n    engine.ensure_checkout({show(ORDER, order.id)!r})\n")
    ran = payonce("run", script, "--json")
    assert ran.code == 1
    assert house.rows("SELECT count(*) FROM attempts") == [(0,)]
    assert house.rows("SELECT state FROM job_runs WHERE job = 'script:fix_orders'") == [("failed",)]


def test_a_dry_script_writes_nothing_and_says_where_it_would(payonce: Payonce, house: House, tmp_path: Path) -> None:
    """S17: the database itself refuses the first write, and nothing is left of the run."""
    order = house.place()
    script = write(tmp_path, CANCEL.format(orders=[show(ORDER, order.id)]))
    dry = payonce("run", script, "--dry", "--json")
    assert (dry.code, dry.json["first_write"]) == (0, "cancel_order")
    assert house.see(order).state == "open"
    assert house.rows("SELECT count(*) FROM job_runs") == [(0,)]


def test_what_is_no_script_is_refused(payonce: Payonce, tmp_path: Path) -> None:
    assert payonce("run", str(tmp_path / "nothing.py"), "--json").error["code"] == "setting_invalid"
    assert payonce("run", write(tmp_path, "x = 1"), "--json").error["param"] == "script"
