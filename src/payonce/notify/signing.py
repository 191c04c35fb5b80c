"""Signing of outgoing webhooks by Standard Webhooks 1.0, with several secrets so that one can be rotated.

Refuses to begin with a secret that is missing, short, or a well-known sample (B16).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from standardwebhooks import Webhook

from payonce.base.errors import Refused
from payonce.base.samples import is_sample

# Below this a key can be guessed by trying; the standard itself asks for 24 bytes of chance.
SHORTEST_KEY_BYTES: Final = 12
PREFIX: Final = "whsec_"
# What people leave in place. Compared as a whole and without case, so that no secret is refused for containing "test".
SAMPLES: Final = frozenset(
    {
        "changeme", "change-me", "change_me", "secret", "password", "placeholder", "example", "webhook_secret",
        "webhook-secret", "your-secret-here", "your_secret_here", "your-webhook-secret", "your_webhook_secret",
        "my_webhook_secret", "whsec_changeme", "whsec_change_me", "whsec_replace_me", "whsec_placeholder",
        "whsec_your_secret", "whsec_your_webhook_secret", "whsec_your_secret_here",
    }
)  # fmt: skip


class Signer:
    """Signs with every secret that is in force; the receiver needs to know any one of them."""

    def __init__(self, secrets: str | Sequence[str]) -> None:
        """`secrets`: the newest first, as a list, or as one text with commas between them.

        Raises Refused `secret_missing`, `secret_weak`.
        """
        texts = [text.strip() for text in (secrets.split(",") if isinstance(secrets, str) else secrets)]
        if not texts or not all(texts):
            raise Refused(
                "the secret of outgoing webhooks is missing",
                code="secret_missing",
                hint="Nothing starts with an empty secret; `whsec_` and 32 random bytes in base64 are a good one.",
            )
        keys = dict.fromkeys(key for text in texts for key in keys_of(text))
        self._keys = tuple(Webhook(key) for key in keys)

    def headers(self, message_id: str, at: datetime, body: str) -> tuple[tuple[str, str], ...]:
        """The three headers of the standard. `message_id` is the same at every try, `at` is when this try is sent."""
        return (
            ("webhook-id", message_id),
            ("webhook-timestamp", str(int(at.timestamp()))),
            ("webhook-signature", " ".join(key.sign(message_id, at, body) for key in self._keys)),
        )


def keys_of(secret: str) -> list[bytes]:
    """The keys that a receiver may make of the secret: base64 behind `whsec_` names one key and nothing else.

    Any other text is signed for twice, because receivers differ: as it stands, and as the libraries of the standard
    read it, which take every text for base64. Raises Refused `secret_weak`.
    """
    if secret.casefold() in SAMPLES or is_sample(secret):
        raise _weak("is a sample, known to everybody")
    if len(secret.encode()) < SHORTEST_KEY_BYTES:
        raise _weak(f"is shorter than {SHORTEST_KEY_BYTES} bytes")
    decoded = _decoded(secret.removeprefix(PREFIX), strictly=secret.startswith(PREFIX))
    if secret.startswith(PREFIX) and decoded is not None:
        if len(decoded) < SHORTEST_KEY_BYTES:
            raise _weak(f"names a key of fewer than {SHORTEST_KEY_BYTES} bytes")
        return [decoded]
    loosely = _decoded(secret.removeprefix(PREFIX), strictly=False)
    return [secret.encode()] + [key for key in (loosely,) if key is not None and len(key) >= SHORTEST_KEY_BYTES]


def _decoded(text: str, *, strictly: bool) -> bytes | None:
    try:
        # Padding is often left out; too much of it is ignored.
        return base64.b64decode(text + "=" * (-len(text) % 4) if strictly else text + "==", validate=strictly)
    except (binascii.Error, ValueError):
        return None


def _weak(why: str) -> Refused:
    return Refused(
        f"the secret of outgoing webhooks {why}",
        code="secret_weak",
        hint="Use `whsec_` and 32 random bytes in base64.",
    )
