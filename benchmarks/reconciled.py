"""F9: what reconciling millions of payments takes. Measured by `benchmarks.reconcile`, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable


def parts(payments: int) -> dict[str, Callable[[], float]]:
    """The parts of F9 that can be measured here, for so many payments; none where there is no engine for them."""
    try:
        from benchmarks.reconcile import figures
    except ImportError:
        return {}
    return figures(payments) if payments else {}
