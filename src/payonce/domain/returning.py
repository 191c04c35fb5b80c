"""Returning: joining an observation of a refund or a dispute into the book of its purpose.

Both are objects of their own. Their statuses are joined by a written rank, never by the clocks of two machines: a
refund
can fail after it succeeded, and a dispute can be won after it was lost; what was seen with a lower rank is the past.
"""

from __future__ import annotations

from typing import Final

from payonce.domain import purpose, refunding, reversing
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Return
from payonce.domain.ledger import BY_HAND, DISPUTES, REFUNDING, REFUNDS, Posting, clearing, entry
from payonce.domain.observation import DisputeSeen, Observation, RefundSeen
from payonce.domain.refund import Refund
from payonce.domain.settling import KNOWN, Joined, key_of

RANK: Final = {
    "refund": {"unknown": 0, "pending": 1, "succeeded": 2, "failed": 3},
    # An appeal can still win what was lost, so `won` stands above `lost`.
    "dispute": {"unknown": 0, "warning": 1, "ended": 2, "open": 3, "lost": 4, "won": 5},
}
# The kind of a refund's reference where a person said that it arrived, and no provider has told of it yet.
BY_WORD: Final = "by_word"
# The kind where a person sent the money by other means: what the provider holds for us is the same as before.
BY_OTHER_MEANS: Final = "by_hand"
# The statuses in which the money is gone.
GONE: Final = {"refund": {"succeeded"}, "dispute": {"open", "lost"}}


def join_return(book: Book, attempt: Attempt, observation: Observation, seen: RefundSeen | DisputeSeen) -> Joined:
    """Join what was seen of a refund or a dispute of a payment of `attempt`, and reconsider the purpose."""
    nature = "refund" if isinstance(seen, RefundSeen) else "dispute"
    key = key_of(observation, seen.ref)
    back = book.returns.get(key)
    own, order = None, book.orders[attempt.order_id]
    was_gone = reversing.is_gone(book, order)
    if isinstance(seen, RefundSeen):
        own = refunding.of_echo(book, seen.refund_id, (seen.ref.kind, seen.ref.id))
    is_first = back is None
    if back is None:
        back = Return(
            nature, key, key_of(observation, seen.capture), attempt.id, attempt.order_id, "unknown",
            seen.amount_minor, seen.currency, is_new=True,
        )  # fmt: skip
        book.returns[key] = back
    is_news = is_first or _is_news(back, seen)
    becomes_ours = own is not None and back.refund_id is None
    if not is_news and not becomes_ours:
        return KNOWN
    if own is not None and becomes_ours:
        # It may have been taken for another's: a first telling without our mark. Now it is the echo that it is.
        _be_ours(book, back, own)
    if is_news:
        is_same = seen.status == back.status
        back.amount_minor = max(seen.amount_minor, back.amount_minor) if is_same else seen.amount_minor
        back.status = seen.status
    book.changed_returns.add(key)
    if own is not None:
        _withdraw_word(book, own, back)
    _post(book, back)
    if own is not None and isinstance(seen, RefundSeen):
        refunding.told(book, own, back.status, seen.reason)
    _report(book, back)
    purpose.reconsider(book)
    reversing.after_return(book, order, back, was_gone)
    return Joined("applied", f"{nature}_{seen.status}")


def _is_news(back: Return, seen: RefundSeen | DisputeSeen) -> bool:
    """Whether it says more than is known: a status of a higher rank, or more money in the same one."""
    seen_rank, known_rank = RANK[back.nature][seen.status], RANK[back.nature][back.status]
    return seen_rank > known_rank or (seen_rank == known_rank and seen.amount_minor > back.amount_minor)


def _post(book: Book, back: Return) -> None:
    """Post the difference between what is gone now and what was posted as gone before."""
    gone = back.amount_minor if back.status in GONE[back.nature] else 0
    moved = gone - back.returned_minor
    if not moved:
        return
    back.returned_minor = gone
    order = book.orders[back.order_id]
    account = DISPUTES if back.nature == "dispute" else REFUNDING if back.refund_id else REFUNDS
    book.entries.append(
        entry(
            book.new_id(),
            f"{back.nature}:{':'.join(back.key)}:{back.status}:{gone}",
            order.id,
            back.currency,
            Posting(_source(back), -moved),
            Posting(account, moved),
        )
    )
    if back.currency == order.currency:
        if back.nature == "refund":
            order.refunded_minor += moved
        else:
            order.disputed_minor += moved
        book.touch_order(order)
    capture = book.capture_of(back)
    if capture is not None:
        book.changed_captures.add(capture.key)


def _source(back: Return) -> str:
    """The account that the money left."""
    return BY_HAND if back.key.kind == BY_OTHER_MEANS else clearing(back.key.provider, back.key.account)


def _withdraw_word(book: Book, own: Refund, told: Return) -> None:
    """Take a person's word about the refund back, because the provider itself told of it: it counts once."""
    for word in book.returns.values():
        if word.refund_id == own.id and word.key.kind == BY_WORD and word is not told:
            word.status = "failed"
            book.changed_returns.add(word.key)
            _post(book, word)


def _be_ours(book: Book, back: Return, own: Refund) -> None:
    """Let it be the echo of our refund, and post as our own what was posted as others'."""
    back.refund_id = own.id
    own.ref_kind, own.ref = back.key.kind, back.key.id
    book.touch_refund(own)
    if back.returned_minor:
        cause = f"refund:{':'.join(back.key)}:ours"
        lines = (Posting(REFUNDS, -back.returned_minor), Posting(REFUNDING, back.returned_minor))
        book.entries.append(entry(book.new_id(), cause, back.order_id, back.currency, *lines))


def _report(book: Book, back: Return) -> None:
    order, about = book.orders[back.order_id], ":".join(back.key)
    if back.nature == "refund":
        if back.status in ("succeeded", "failed"):
            book.owe(f"refund.{'done' if back.status == 'succeeded' else 'failed'}", order, f"{back.status}:{about}")
    elif back.status == "open":
        book.find("dispute_opened", about, order, back.amount_minor, dispute=back.key.id)
        book.owe("dispute.opened", order, f"opened:{about}")
    elif back.status in ("lost", "won"):
        book.resolve("dispute_opened", about)
        book.owe("dispute.closed", order, f"{back.status}:{about}")
