"""Secrets that stand in guides and templates, and are therefore known to everybody. What names one provider is in its
own list.

Compared as a whole and without case: nothing is refused for containing one of them, nor for containing "test".
"""

from __future__ import annotations

from typing import Final

SAMPLES: Final = frozenset(
    {
        "changeme", "change-me", "change_me", "changemechangeme", "changeme123456", "secret", "supersecret",
        "super-secret", "super_secret", "mysecretkey", "my-secret-key", "my_secret_key", "password", "password1234",
        "placeholder", "placeholder-key", "example", "webhook_secret", "webhook-secret", "my_webhook_secret",
        "your-secret-here", "your_secret_here", "your-secret-key", "your_secret_key", "your-webhook-secret",
        "your_webhook_secret", "your-api-key", "your_api_key", "your_api_key_here", "<your_api_key>",
        "{{your_api_key}}", "whsec_changeme", "whsec_change_me", "whsec_replace_me", "whsec_placeholder",
        "whsec_your_secret", "whsec_your_webhook_secret", "whsec_your_secret_here", "123456789012", "1234567890123456",
        "xxxxxxxxxxxx", "xxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    }
)  # fmt: skip


def is_sample(secret: str) -> bool:
    """Whether everybody knows it."""
    return secret.strip().casefold() in SAMPLES
