"""Reads the parameters of one request, and refuses what Stripe refuses: missing, mistyped, unknown.

An operation reads all that it knows and then calls `finish`, which refuses whatever was never asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, overload
from urllib.parse import urlsplit

from payonce.providers.simulator.stripe.errors import StripeError
from payonce.providers.simulator.stripe.form import Node, Tree

# Stripe's limits on metadata: 50 keys of 40 characters with values of 500.
METADATA_KEYS: Final = 50
METADATA_KEY_LENGTH: Final = 40
METADATA_VALUE_LENGTH: Final = 500


class Params:
    """One level of parameters; `prefix` is the name of that level as it stands on the wire."""

    def __init__(self, tree: Tree, prefix: str = "") -> None:
        self._tree = tree
        self._prefix = prefix
        self._read: set[str] = set()
        self._below: list[Params] = []

    def name(self, name: str) -> str:
        """The full name of a parameter of this level, as errors show it."""
        return f"{self._prefix}[{name}]" if self._prefix else name

    def has(self, name: str) -> bool:
        """Whether the parameter was sent at all."""
        return name in self._tree

    def is_branch(self, name: str) -> bool:
        """Whether the parameter was sent as a branch of named ones."""
        return isinstance(self._tree.get(name), dict)

    @overload
    def text(self, name: str, *, required: Literal[True], choices: Sequence[str] = (), longest: int = 5000) -> str: ...
    @overload
    def text(self, name: str, *, choices: Sequence[str] = (), longest: int = 5000) -> str | None: ...
    def text(
        self, name: str, *, required: bool = False, choices: Sequence[str] = (), longest: int = 5000
    ) -> str | None:
        """A string; an empty one counts as not sent."""
        node = self._take(name)
        if node is None or node == "":
            if required:
                raise self.missing(name) if node is None else self.wrong(name, "an empty string", "empty")
            return None
        if not isinstance(node, str):
            raise self.wrong(name, "an object where a string is expected", "string")
        if choices and node not in choices:
            allowed = ", ".join(choices)
            raise StripeError(f"Invalid {self.name(name)}: must be one of {allowed}", param=self.name(name))
        if len(node) > longest:
            raise StripeError(
                f"Invalid string: {self.name(name)} must be at most {longest} characters", param=self.name(name)
            )
        return node

    @overload
    def integer(self, name: str, *, required: Literal[True], smallest: int = 0) -> int: ...
    @overload
    def integer(self, name: str, *, smallest: int = 0, largest: int | None = None) -> int | None: ...
    def integer(
        self, name: str, *, required: bool = False, smallest: int = 0, largest: int | None = None
    ) -> int | None:
        """A whole number within bounds."""
        value = self.text(name, required=True) if required else self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            code = "parameter_invalid_integer"
            raise StripeError(f"Invalid integer: {value:.50}", code=code, param=self.name(name))
        number = int(value)
        if number < smallest or (largest is not None and number > largest):
            limit = f"greater than or equal to {smallest}" if number < smallest else f"at most {largest}"
            raise StripeError(
                f"Invalid {self.name(name)}: must be {limit}",
                code="parameter_invalid_integer",
                param=self.name(name),
            )
        return number

    def boolean(self, name: str) -> bool | None:
        """`true` or `false`."""
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise StripeError(f"Invalid boolean: {value:.50}", param=self.name(name))
        return None if value is None else value == "true"

    def url(self, name: str, *, required: bool = False) -> str | None:
        """An absolute http or https address."""
        value = self.text(name, required=True) if required else self.text(name)
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise StripeError("Not a valid URL", code="url_invalid", param=self.name(name))
        return value

    def texts(self, name: str, *, most: int = 100) -> list[str]:
        """A list of strings."""
        node = self._take(name)
        if node is None or node == "":
            return []
        items = self._items(name, node)
        if len(items) > most or not all(isinstance(item, str) for _, item in items):
            raise StripeError(f"Invalid array: {self.name(name)} takes up to {most} strings", param=self.name(name))
        return [item for _, item in items if isinstance(item, str)]

    def metadata(self, name: str = "metadata") -> dict[str, str]:
        """Pairs of strings within Stripe's limits; an empty value means: remove this key."""
        node = self._take(name)
        if node is None or node == "":
            return {}
        if not isinstance(node, dict):
            raise StripeError(f"Invalid {self.name(name)}: must be a hash", param=self.name(name))
        found = {key: value for key, value in node.items() if isinstance(value, str)}
        if len(found) != len(node) or len(found) > METADATA_KEYS:
            raise StripeError(f"Metadata takes up to {METADATA_KEYS} keys with string values", param=self.name(name))
        for key, value in found.items():
            if len(key) > METADATA_KEY_LENGTH or len(value) > METADATA_VALUE_LENGTH:
                raise StripeError(
                    f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters, and values up to "
                    f"{METADATA_VALUE_LENGTH}; you passed in {key:.60}",
                    param=self.name(name),
                )
        return found

    def section(self, name: str) -> Params | None:
        """A branch of named parameters."""
        node = self._take(name)
        if node is None or node == "":
            return None
        if not isinstance(node, dict):
            raise StripeError(f"Invalid object: {self.name(name)}", param=self.name(name))
        return self._open(node, self.name(name))

    def sections(self, name: str) -> list[Params]:
        """A list of branches."""
        node = self._take(name)
        if node is None or node == "":
            return []
        found: list[Params] = []
        for position, item in self._items(name, node):
            if not isinstance(item, dict):
                raise StripeError(f"Invalid array: {self.name(name)}", param=self.name(name))
            found.append(self._open(item, f"{self.name(name)}[{position}]"))
        return found

    def ignore(self, *names: str) -> None:
        """Accept parameters that Stripe knows and that change nothing here."""
        self._read.update(names)

    def finish(self) -> None:
        """Refuse what nobody read, here and below."""
        for name in self._tree:
            if name not in self._read:
                code = "parameter_unknown"
                raise StripeError(f"Received unknown parameter: {self.name(name)}", code=code, param=self.name(name))
        for below in self._below:
            below.finish()

    def missing(self, name: str) -> StripeError:
        """The refusal of a request without a parameter that it needs."""
        text = f"Missing required param: {self.name(name)}."
        return StripeError(text, code="parameter_missing", param=self.name(name))

    def wrong(self, name: str, what: str, code: str) -> StripeError:
        """The refusal of a parameter of the wrong kind."""
        text = f"You passed {what} for '{self.name(name)}'."
        return StripeError(text, code=f"parameter_invalid_{code}", param=self.name(name))

    def _items(self, name: str, node: Node) -> list[tuple[str, Node]]:
        """A branch whose names are numbers, in their order."""
        if not isinstance(node, dict) or not all(key.isascii() and key.isdigit() for key in node):
            raise StripeError(f"Invalid array: {self.name(name)}", param=self.name(name))
        return sorted(node.items(), key=lambda item: int(item[0]))

    def _take(self, name: str) -> Node | None:
        self._read.add(name)
        return self._tree.get(name)

    def _open(self, node: Tree, prefix: str) -> Params:
        below = Params(node, prefix)
        self._below.append(below)
        return below
