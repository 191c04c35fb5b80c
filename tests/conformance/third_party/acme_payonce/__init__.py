"""A provider that does not exist, as a package of somebody else's: the entry point `acme` of `payonce.providers`.

Its accounts are configured with `api_key`, `secret` and `api_base`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_payonce.adapter import AcmeAdapter
from payonce.base.errors import Refused


def make(settings: Mapping[str, Any]) -> AcmeAdapter:
    """The adapter of an account. Raises Refused `setting_missing`."""
    missing = [name for name in ("api_key", "secret", "api_base") if not settings.get(name)]
    if missing:
        raise Refused(f"an Acme account needs {', '.join(missing)}", code="setting_missing")
    return AcmeAdapter(
        str(settings["api_key"]), str(settings["secret"]), api_base=str(settings["api_base"]),
        account=str(settings["account"]),
    )  # fmt: skip
