"""The table of what each provider can do says what the adapters say."""

from __future__ import annotations

from pathlib import Path

from payonce.providers.contract import Capabilities
from tests.support.clocks import HandClock
from tests.support.parties import SEATS

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"


def _written() -> dict[str, dict[str, str]]:
    """The table as provider -> question -> answer."""
    lines = [line for line in PAGE.read_text().split("## Add a provider")[0].splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]
    return {name.lower(): {row[0]: row[place] for row in rows[1:]} for place, name in enumerate(rows[0]) if name}


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _said(can: Capabilities) -> dict[str, str]:
    life = can.idempotency_life_seconds
    lasts = f"{life // 3600} h" if life >= 3600 else f"{life // 60} min"
    return {
        "flows": ", ".join(f"`{flow}`" for flow in can.flows),
        "currencies": "all" if can.currencies is None else ", ".join(sorted(can.currencies)),
        "a create sent twice is recognised": {
            "key": f"by its key, {lasts}", "natural": f"by its name, {lasts}", "none": "no",
        }[can.idempotency],
        "cancels an unpaid payment": _yes(can.can_close),
        "finds a payment whose answer was lost": _yes(can.can_find),
        "what no notice told is found": _found(can),
        "sends money back": _yes(can.refund != "none"),
        "a notice is believed without asking": _yes(not can.confirm_by_read),
        "tells of ends without money": _yes(can.tells_failures),
        "can be asked": "always" if can.read_horizon_seconds is None else f"for {can.read_horizon_seconds // 3600} h",
        "money still comes after the end": _yes(can.pays_after_end),
    }  # fmt: skip


def _found(can: Capabilities) -> str:
    logs = [listing.reach_seconds for listing in can.lists if listing.is_log]
    if logs:
        return f"in its log of {min(reach or 0 for reach in logs) // 86400} days"
    return "in its list" if can.lists else "by asking, one by one"


def test_the_table_of_the_page_is_what_the_adapters_say() -> None:
    said = {name: _said(seat(HandClock()).adapter.capabilities) for name, seat in SEATS.items()}
    assert _written() == said
