"""payonce: an order is charged once, recorded once and fulfilled once, and it can be shown why.

Importing this package alone loads no web framework, no network client and no provider's SDK: whoever embeds payonce
in an application pays only for what is used. The names of the public interface are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from payonce.accounts import NowPayments, Simulated, Stripe, ThirdParty, ZaloPay
    from payonce.base.errors import Bug, Conflict, InDoubt, PayonceError, Refused, Unavailable
    from payonce.base.money import Money
    from payonce.domain.policy import Policy
    from payonce.engine import Payonce
    from payonce.usecases.answers import (
        AlreadyPaid,
        Checkout,
        CheckoutAnswer,
        Gone,
        InProgress,
        OrderView,
        Placed,
        ProviderRefused,
        RefundView,
        Silent,
    )
    from payonce.usecases.effect_handlers import (
        Accepted,
        EffectCall,
        NotAccepted,
        NotDone,
        NotNeeded,
        OutcomeUnknown,
    )
    from payonce.usecases.items import Item
    from payonce.usecases.place_order import PlaceOrder
    from payonce.usecases.set_stock import StockView

__all__ = (
    "Accepted", "AlreadyPaid", "Bug", "Checkout", "CheckoutAnswer", "Conflict", "EffectCall", "Gone", "InDoubt",
    "InProgress", "Item", "Money", "NotAccepted", "NotDone", "NotNeeded", "NowPayments", "OrderView", "OutcomeUnknown",
    "Payonce", "PayonceError", "PlaceOrder", "Placed", "Policy", "ProviderRefused", "RefundView", "Refused", "Silent",
    "Simulated", "StockView", "Stripe", "ThirdParty", "Unavailable", "ZaloPay",
)  # fmt: skip

# Where each public name lives. `payonce.sync` has the engine without an event loop.
_PLACES = {
    "payonce.accounts": "NowPayments Simulated Stripe ThirdParty ZaloPay",
    "payonce.base.errors": "Bug Conflict InDoubt PayonceError Refused Unavailable",
    "payonce.base.money": "Money",
    "payonce.domain.policy": "Policy",
    "payonce.engine": "Payonce",
    "payonce.usecases.answers": "AlreadyPaid Checkout CheckoutAnswer Gone InProgress OrderView Placed ProviderRefused "
    "RefundView Silent",
    "payonce.usecases.effect_handlers": "Accepted EffectCall NotAccepted NotDone NotNeeded OutcomeUnknown",
    "payonce.usecases.items": "Item",
    "payonce.usecases.place_order": "PlaceOrder",
    "payonce.usecases.set_stock": "StockView",
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'payonce' has no attribute {name!r}")
    try:
        value = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "payonce":
            raise
        raise ModuleNotFoundError(
            f"payonce.{name} needs {error.name}: install payonce[client], or payonce[server] for the whole service",
            name=error.name,
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
