"""Reads Stripe's form encoding: `metadata[order]=1`, `line_items[0][price_data][currency]=usd`, `types[]=a&types[]=b`.

Refuses what Stripe's own reader could not place: bodies that are not UTF-8, a name that is both a value and a branch,
too many or too deep names.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from payonce.providers.simulator.stripe.errors import StripeError

Node: TypeAlias = "str | dict[str, Node]"
Tree: TypeAlias = dict[str, Node]

# Far more than any request of ours, few enough that a hostile body costs nothing.
MOST_FIELDS: Final = 1000
DEEPEST: Final = 10


def decode(body: bytes | str) -> Tree:
    """The tree behind form-encoded text. A list is a branch whose names are numbers."""
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as wrong:
        raise StripeError("Invalid request: the parameters could not be read.") from wrong
    root: Tree = {}
    for name, value in pairs:
        _place(root, _steps(name), name, value)
    return root


def _steps(name: str) -> list[str]:
    """`a[b][0]` as `a`, `b`, `0`."""
    head, bracket, rest = name.partition("[")
    steps = [head, *rest.removesuffix("]").split("][")] if bracket else [head]
    if not head or len(steps) > DEEPEST or (bracket and not rest.endswith("]")):
        raise StripeError(f"Invalid parameter name: {name:.100}", param=name[:100])
    return steps


def _place(root: Tree, steps: list[str], name: str, value: str) -> None:
    branch = root
    for step in steps[:-1]:
        below = branch.setdefault(step or str(len(branch)), {})
        if not isinstance(below, dict):
            raise StripeError(f"Invalid parameter: {name:.100} is given twice, in two shapes.", param=steps[0])
        branch = below
    last = steps[-1] or str(len(branch))
    if isinstance(branch.get(last), dict):
        raise StripeError(f"Invalid parameter: {name:.100} is given twice, in two shapes.", param=steps[0])
    branch[last] = value
