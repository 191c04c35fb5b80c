"""A house whose process can die at a call, for attacks that need a corpse."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from tests.promises.test_dying import DyingTransport, mortal
from tests.support.house import House

__all__ = ("Mortal", "mortal")
# The house, what to tell where it dies, and what runs something until then.
Mortal: TypeAlias = tuple[House, DyingTransport, Callable[[Coroutine[Any, Any, Any]], None]]
