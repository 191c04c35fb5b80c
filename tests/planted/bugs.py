"""Planted bugs: small mistakes that somebody could make in the shipped source, each as one replacement of its text.

They test the tests: the simulation must find every one within fifty seeds, by the promises that it checks anyway. A bug
whose text is not found any more fails, so that this list and the source stay in step. Nothing here is ever imported by
the service: a bug is planted into a copy of the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Bug:
    """One mistake: in `file` (below src/payonce), `old` stands once and becomes `new`; `why` one would do so. `first`:
    the first seed that is known to find it, where many do not; `alone`: the stories of it that meet the bug by
    themselves.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    first: int = 1
    alone: str = ""

    def plant(self, source: Path) -> None:
        """Make the mistake in a copy of src/payonce. Raises AssertionError when its place is not there any more."""
        path = source / self.file
        text = path.read_text("utf-8")
        assert text.count(self.old) == 1, f"{self.name}: its text stands {text.count(self.old)} times in {self.file}"
        path.write_text(text.replace(self.old, self.new), "utf-8")


BUGS: Final = (
    Bug(
        "effects owed after the settlement", "store/books.py",
        "    owed.write_owed(tx, given[\"merchant_id\"], effects, books[0].new_id, actor=actor, run=run)\n",
        "    if tx.now.microsecond % 16:\n"
        "        owed.write_owed(tx, given[\"merchant_id\"], effects, books[0].new_id, actor=actor, run=run)\n",
        "settling is not atomic: what it owes is written elsewhere, and sometimes nobody comes to do it",
        alone="s04,s05",
    ),
    Bug(
        "effect marked done before it is sent", "usecases/deliver_effects.py",
        "            outcome = NotAccepted(UNREADABLE) if order is None else await self._ask_handler(claim, order)\n"
        "        except PayonceError as error:\n",
        "            outcome = NotAccepted(UNREADABLE) if order is None else Accepted()\n"
        "            await answers.take(claim, outcome)\n"
        "            if order is not None:\n"
        "                await self._ask_handler(claim, order)\n"
        "            return None\n"
        "        except PayonceError as error:\n",
        "so that a crash cannot send it twice; instead it is sent never",
        first=2, alone="s24",
    ),
    Bug(
        "key changed on retry", "providers/stripe/adapter.py",
        '            headers.append(("idempotency-key", call.idempotency_key))\n',
        '            self._sent = getattr(self, "_sent", 0) + 1\n'
        '            headers.append(("idempotency-key", f"{call.idempotency_key}:{self._sent}"))\n',
        "a fresh key for each sending, as SDKs make by default",
        first=3, alone="s34",
    ),
    Bug(
        "no resolving", "usecases/resolve_attempts.py",
        "    return await ask_about(world, merchant_id, await attempts_due(world, merchant_id, limit))\n",
        "    return await ask_about(world, merchant_id, (await attempts_due(world, merchant_id, limit))[:0])\n",
        "webhooks are thought to be reliable", first=20,
    ),
    Bug(
        "a stale attempt blocks its payer", "domain/checkout.py",
        '    purpose.want_close(book, live, "superseded" if live.order_id != order.id else "replaced")\n',
        '    if live.order_id == order.id:\n        return Hold("processing", PROCESSING_RETRY)\n'
        '    purpose.want_close(book, live, "superseded" if live.order_id != order.id else "replaced")\n',
        "an old attempt is waited for instead of being replaced", alone="s38",
    ),
    Bug(
        "a decline frees the slot", "domain/attempt.py",
        '        Arrow("pending", "asks_again", "open", "the payment failed and the same object can still be paid"),\n',
        '        Arrow("pending", "asks_again", "open", "the payment failed and the same object can still be paid"),\n'
        '        Arrow("open", "asks_again", "failed", "declined"),\n',
        "a decline is read as the end of the attempt, although the same object can still be paid",
        first=2,
    ),
    Bug(
        "a capture on a dead attempt is dropped", "domain/settling.py",
        "    if seen.captured_minor <= 0 or seen.capture is None or seen.currency is None:\n",
        '    if attempt.state in ("closed", "failed", "closing"):\n        return False\n'
        "    if seen.captured_minor <= 0 or seen.capture is None or seen.currency is None:\n",
        "a closed attempt cannot be paid, so whoever says so must be wrong",
        first=2, alone="s10",
    ),
    Bug(
        "surplus is not recorded", "domain/settling.py",
        "    serving = purpose.may_serve(book, attempt, capture, grown)\n",
        "    serving = purpose.may_serve(book, attempt, capture, grown)\n"
        "    if serving == 0 and book.paid() is not None:\n        return False\n",
        "the order is paid already, so there is nothing to do",
        alone="s05",
    ),
    Bug(
        "closed here only", "usecases/attend.py",
        "    outcome = await till.close(ref, attempt.id)\n    if not isinstance(outcome, Done):\n"
        "        outcome = await till.read(ref)\n"
        '    return Said(attempt, outcome, name="close")\n',
        '    outcome = NotDone("closed", "")\n'
        '    return Said(attempt, outcome, name="close", absent="closed")\n',
        "a local cancel: the row says closed, and nobody told the provider",
        first=2, alone="s18",
    ),
    Bug(
        "a refused close is read as closed", "usecases/join_answers.py",
        "    found.asked_at = book.now\n",
        "    found.asked_at = book.now\n"
        '    if said.name == "close" and not isinstance(outcome, Done):\n'
        '        book.move_attempt(found, "closed")\n',
        "the provider says that it cannot be closed, so it must be closed already", first=16,
    ),
    Bug(
        "time-out is read as failure", "usecases/ensure_checkout.py",
        '            book.move_attempt(found, "unanswered")\n',
        '            book.move_attempt(found, "refused")\n',
        "no answer within twenty seconds means no",
    ),
    Bug(
        "a click gets another one's answer", "usecases/decide_cases.py",
        "    for number, case in enumerate(cases):\n        book = by_order.get(case.order_id)\n",
        "    for number, case in enumerate(sorted(cases, key=lambda case: case.order_id)):\n"
        "        book = by_order.get(case.order_id)\n",
        "cases are decided in the order of their locks, and answered in the order in which they came",
        first=6,
    ),
    Bug(
        "given out before it is recorded", "usecases/ensure_checkout.py",
        "    return await _record_created(world, merchant_id, attempt, outcome)\n\n\nasync def _ask(",
        "    if isinstance(outcome, Done) and outcome.handle is not None:\n"
        "        attempt.url, attempt.client_secret = outcome.handle.url, outcome.handle.client_secret\n"
        "        attempt.handle_ref = outcome.handle.ref.id\n"
        '        return _offer(world, attempt, "new")\n'
        "    return await _record_created(world, merchant_id, attempt, outcome)\n\n\nasync def _ask(",
        "the payer need not wait for our bookkeeping", alone="s02",
    ),
    Bug(
        "another amount beside the old order", "usecases/place_order.py",
        '    state = "open" if free else "waiting"\n',
        '    state = "open"\n    if book.holder() is not None:\n'
        "        purpose.close_order(book, book.holder(), SUPERSEDED)\n"
        "        books.record(tx, [book], actor=\"place_order\")\n    free = True\n",
        "the old order is closed here at once, and its session at the provider later",
    ),
    Bug(
        "acknowledged before it is stored", "usecases/receive.py",
        "        became = _all_again(tolds, error)\n    except Exception:\n",
        '        became = [Received("accepted", told.provider, told.type, "retry", error.code) for told in tolds]\n'
        "    except Exception:\n",
        "the provider shall not be bothered with our database", first=10,
    ),
    Bug(
        "an unknown effect is sent again", "domain/delivering.py",
        '            event = "lost_resend" if kind.on_unknown == "resend" else "lost"\n',
        '            event = "lost_resend"\n',
        "better twice than never, although the receiver knows no key",
    ),
    Bug(
        "a refund is made anew for each try", "usecases/begin_refund.py",
        "    call = await stored_call(tx, book.merchant_id, refund)\n    return _begun(",
        "    from dataclasses import replace\n"
        "    another = replace(ask_of(book, refund), refund_id=book.new_id())\n"
        "    call = refunder.prepare_refund(another)\n    return _begun(",
        "another try is thought to be another refund: its id is written nowhere, and the provider never saw its key",
    ),
    Bug(
        "a refund's key is thought to live for ever", "providers/stripe/adapter.py",
        "    refund_life_seconds=KEY_LIFE_SECONDS,\n", "    refund_life_seconds=365 * 24 * 3600,\n",
        "the provider says at least a day, and nobody read on",
    ),
    Bug(
        "an expired order refuses its payer", "domain/checkout.py",
        '    if order.state == "closed" and not order.payable_again:\n', '    if order.state == "closed":\n',
        "closed is closed", first=2, alone="s44",
    ),
    Bug(
        "one key for an order", "providers/stripe/adapter.py",
        "        key = create_key(ids.show(ids.ATTEMPT, ask.attempt_id))\n",
        "        key = create_key(ids.show(ids.ORDER, ask.order_id))\n",
        "an order is charged once, so its id is the key; its second attempt is refused then", alone="s16",
    ),
    Bug(
        "any payment pays the order", "domain/purpose.py",
        '        if order.state == "open" and order.missing_minor == 0 and order.amount_minor > 0:\n',
        '        if order.state == "open" and order.received_minor > 0 and order.amount_minor > 0:\n',
        "the event says paid, and nobody compares the amount", alone="s47",
    ),
    Bug(
        "the currency is ignored", "domain/purpose.py",
        '    if order.state != "open" or capture.currency != order.currency:\n        return 0\n',
        '    if order.state != "open":\n        return 0\n',
        "numbers are compared, and not what they are of", alone="s01",
    ),
    Bug(
        "a closed order keeps its money", "domain/purpose.py",
        "            serving.shift(book, order, capture, -capture.allocated_minor)\n    silent",
        "            pass\n    silent",
        "what was paid in part stays where it is", first=6, alone="s09",
    ),
    Bug(
        "a fulfilment is too old to be sent", "domain/delivering.py",
        '    if effect.nature == "fulfilment":\n        returned =',
        "    if is_too_old(effect.happened_at or effect.owed_at, now, horizon):\n"
        '        return "suppress", TOO_OLD\n    if effect.nature == "fulfilment":\n        returned =',
        "nobody wants to be told of what happened the day before yesterday", first=30,
        alone="s00,s01,s02,s03,s04,s05,s06,s07",
    ),
    Bug(
        "what cannot be read is acknowledged and dropped", "usecases/receive.py",
        "        if not isinstance(verdict, Forged):\n",
        "        if isinstance(verdict, Unreadable):\n"
        '            return Received("accepted", provider, "", "ignored", "unreadable")\n'
        "        if not isinstance(verdict, Forged):\n",
        "nobody could do anything with it", first=47, alone="s29",
    ),
    Bug(
        "a status looks for a way to pay", "usecases/read_order.py",
        '        raise Refused("there is no such order", code="order_unknown", status=404)\n    return found\n',
        '        raise Refused("there is no such order", code="order_unknown", status=404)\n'
        "    from payonce.usecases.ensure_checkout import ensure_checkout\n\n"
        '    if found.state == "open" and not found.attempts:\n'
        "        await ensure_checkout(world, merchant_id, order_id)\n    return found\n",
        "so that the page has the address at hand", alone="s00",
    ),
    Bug(
        "cancelled here at once", "usecases/close_orders.py",
        '        elif order.state == "open":\n            _mark(book, order, CANCELLED)\n',
        '        elif order.state == "open":\n            purpose.close_order(book, order, CANCELLED)\n',
        "the merchant does not want to wait for the provider", first=24, alone="s02",
    ),
    Bug(
        "a refund above the limit goes by itself", "domain/refunding.py",
        "        if refund.amount_minor > book.rules.surplus.refund_at_most_minor.get(refund.currency, 0):\n"
        "            return AskPerson",
        "        if refund.amount_minor > 100 * book.rules.surplus.refund_at_most_minor.get(refund.currency, 0):\n"
        "            return AskPerson",
        "the limit is thought to be in whole dollars", first=24, alone="s50",
    ),
    Bug(
        "whoever dies is never missed", "usecases/deliver_effects.py",
        "    delivered = await worker.take_over(limit) if work.has_expired else []\n",
        "    delivered: list[Delivered] = []\n",
        "a claim is thought to end by itself", first=2,
    ),
    Bug(
        "our own refund is counted as others'", "domain/returning.py",
        "        own = refunding.of_echo(book, seen.refund_id, (seen.ref.kind, seen.ref.id))\n",
        "        own = refunding.of_echo(book, None, (seen.ref.kind, seen.ref.id))\n",
        "a refund is looked for by the provider's reference, which only its echo tells", first=24,
        alone="s50",
    ),
    Bug(
        "what is left is not looked at again before it goes", "domain/refunding.py",
        '    if leftover.left_for(book, capture, refund) < refund.amount_minor:\n        return No("less_left")\n'
        "    if capture.held_minor",
        "    if capture.held_minor",
        "it was free when the refund was written", first=35,
        alone="s58",
    ),
    Bug(
        "payments are not read before money goes back", "usecases/send_refunds.py",
        "    heard = await hear_captures(world, taken.captures)\n",
        "    heard = Heard()\n",
        "everything about a payment is thought to be in our database", first=24,
        alone="s30",
    ),
    Bug(
        "a refund is recorded by who has lost it", "usecases/record_refund.py",
        "        if refund.fence == taken.fence:\n            refund.lease_until = None\n",
        "        if refund.fence >= taken.fence:\n            refund.lease_until = None\n",
        "whoever got an answer may write it down, however long he was away", first=7,
    ),
    Bug(
        "an inquiry freezes nothing", "domain/leftover.py",
        '"dispute" and back.status in ("warning", "open") for',
        '"dispute" and back.status == "open" for',
        "an inquiry is no dispute yet", first=4,
    ),
)  # fmt: skip

# Mistakes that the simulation is not known to find yet: `make planted` looks. One that it finds belongs above.
UNPROVEN: Final = (
    Bug(
        "silence is read as a refund's failure", "usecases/record_refund.py",
        '        refunding.move(book, refund, "unanswered")\n',
        '        refunding.told(book, refund, "failed", "no answer")\n',
        "no answer within twenty seconds means no, so another one is written and sent",
    ),
    Bug(
        "what arrived is not followed", "domain/refunding.py",
        "        return now + max(DAILY, age) if age < LATE_FAILURES else None\n",
        "        return None\n",
        "a refund that succeeded is over",
    ),
    Bug(
        "a day's limit is not counted", "usecases/begin_refund.py",
        "        if not await take_of_the_day(tx, book.merchant_id, refund, limit):\n",
        "        if refund.amount_minor > limit:\n",
        "each refund is below the limit, so all of them are",
    ),
)  # fmt: skip
