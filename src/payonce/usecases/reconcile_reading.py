"""Reading a window: one page of the provider's list in a batch, staged together with the cursor of the next one.

The call is made outside of the transaction. No answer leaves the window where it is; a list that ends is read again
where its pages can shift, until a pass brings nothing new.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from payonce.domain.reconciliation import OVERLAP, MoneyRecord
from payonce.providers.contract import NotDone
from payonce.providers.money import MoneyPage
from payonce.store import reconciliation as store
from payonce.store.database import Tx
from payonce.store.reconciliation import Window
from payonce.usecases.reconcile_step import Stepped, compare_again, grew_much, in_window, learn_records
from payonce.usecases.world import World

# A list that still brings news in the third pass is busier than any window that ended; the next run reads it again.
MOST_PASSES: Final = 3


async def read_page(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """Read the page that the cursor names, and stage it."""
    looker = world.looker(window.provider, window.account)
    source = looker.money_source
    since = window.from_at - OVERLAP
    until = window.read_until_wanted or _until(world, window)
    page = await looker.money(since - source.look_back, until, window.cursor)

    async def keep(tx: Tx, mine: Window) -> Stepped:
        if not isinstance(page, MoneyPage):
            why = page.message if isinstance(page, NotDone) else page.reason
            mine.trouble = why[:200]
            if isinstance(page, NotDone) and not page.may_repeat:
                # A cursor that the provider does not take is no place to go on from.
                mine.cursor = None
            return Stepped(mine, silence=mine.trouble)
        kept, new = await store.stage(tx, merchant_id, mine, source, _within(page, since, until))
        mine.trouble, mine.read_until_wanted = None, until
        mine.records, mine.news, mine.cursor = mine.records + kept, mine.news + new, page.next_page
        if page.next_page is None:
            _end_pass(mine, since, until, shifts=source.pages_shift)
        return Stepped(mine)

    step = await in_window(world, merchant_id, window, keep, name="reconcile_read", done=Stepped)
    if step is not None and grew_much(window.records, step.window.records):
        await learn_records(world)
    return step


def _until(world: World, window: Window) -> datetime:
    return min(world.clock.now(), window.to_at + OVERLAP)


def _within(page: MoneyPage, since: datetime, until: datetime) -> list[MoneyRecord]:
    """What moved in the window and its overlap; a list by the time of making has more."""
    return [record for record in page.records if since <= record.occurred_at <= until]


def _end_pass(window: Window, since: datetime, until: datetime, *, shifts: bool) -> None:
    """The list was read to its end: again, where rows may have moved from page to page; else it is known."""
    if shifts and window.news and window.passes < MOST_PASSES:
        window.passes, window.news, window.records = window.passes + 1, 0, 0
        return
    window.read_from, window.read_until = since, until
    compare_again(window)
