"""What the doctor says of provider accounts: whose they are, what follows from what they cannot do, and whether their
events come here.

What follows is read from the capabilities; a provider that cannot do something is no fault of the installation.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from payonce.providers.contract import Capabilities, NotDone, Subscription, Unknown
from payonce.usecases.checks import Check, Facts
from payonce.usecases.world import World

Key = tuple[str, str]


def together(world: World, facts: Facts) -> list[Check]:
    """The accounts of the installation beside each other, and beside the addresses that they are told."""
    checks = []
    modes = {key: till.mode for key, till in world.tills.items()}
    for merchant_id in sorted(set(world.merchants.values())):
        keys = world.accounts_of(merchant_id)
        if len({modes[key] for key in keys}) > 1:
            test = ", ".join(_name(key) for key in keys if modes[key] == "test")
            says = f"test accounts ({test}) stand beside live ones: play money settles a real order of {merchant_id}"
            hint = "Let test accounts belong to a merchant of their own: merchant = … in their [[accounts]] table."
            checks.append(Check("modes", "warning", says, hint))
    if "live" in modes.values():
        checks.append(_base_url(facts.base_url))
    return checks


async def account_checks(world: World, key: Key, facts: Facts) -> list[Check]:
    """One account: its mode, whether it answers, what it cannot do, and which events it sends here."""
    till, name = world.looker(*key), _name(key)
    capabilities = till.capabilities
    checks = [*await _answers(world, key, facts), _limits(capabilities, f"{name} limits")]
    if not capabilities.can_find:
        says = "payments cannot be listed there: only those whose number is known are asked for"
        hint = "One whose making got no answer is found when it is paid. Give it the dashboard's e-mail and password."
        checks.append(Check(f"{name} list", "warning", says, hint))
    if world.flows.get(key) == "payment_intent" and facts.pay_page_url is None:
        says = "its checkouts make payment intents, and no page is configured where they are paid"
        hint = "Set PAYONCE_PAY_PAGE_URL; otherwise only programs that hand out the client secret can use them."
        checks.append(Check(f"{name} flow", "warning", says, hint))
    return checks


def addresses_of(world: World, key: Key, base_url: str) -> list[str]:
    """Where the account's events may be sent to, the shortest first."""
    (provider, account), owner = key, world.merchants[key]
    owners = {merchant for (name, _), merchant in world.merchants.items() if name == provider}
    shortest = [f"{base_url}/webhooks/{provider}"] if len(owners) == 1 else []
    return [*shortest, f"{base_url}/webhooks/{owner}/{provider}", f"{base_url}/webhooks/{owner}/{provider}/{account}"]


def _limits(capabilities: Capabilities, name: str) -> Check:
    """What follows from what the provider cannot do."""
    follows = []
    if capabilities.currencies is not None and len(capabilities.currencies) < 10:
        follows.append(f"takes {', '.join(sorted(capabilities.currencies))} alone")
    if not capabilities.can_close:
        follows.append(
            "cannot cancel: what its payer has in hand stays payable until it ends there, and other values wait so long"
        )
    if capabilities.refund == "none":
        follows.append("cannot send money back: what does not fit is held with a finding, whatever the policy says")
    if not capabilities.tells_failures:
        follows.append("tells of money alone: ends without money are found by asking")
    if capabilities.confirm_by_read:
        follows.append("its notices prove nothing: each is believed after a read")
    if capabilities.pays_after_end:
        follows.append("what ended there can still bring money, and is asked about for a month")
    if capabilities.read_horizon_seconds is not None:
        follows.append(f"answers for {capabilities.read_horizon_seconds // 3600} hours after a payment was made")
    return Check(name, "ok", "; ".join(follows) or "cancels, sends money back, and can be asked at any time")


async def _answers(world: World, key: Key, facts: Facts) -> list[Check]:
    till, name = world.looker(*key), _name(key)
    whose = f"{till.mode} account of the merchant {world.merchants[key]}"
    answer = await till.subscriptions()
    if isinstance(answer, Unknown):
        return [Check(name, "wrong", f"{till.provider} gives no answer: {answer.reason}", "Look at the network.")]
    if isinstance(answer, NotDone) and answer.code == "unreachable":
        return [Check(name, "wrong", answer.message, "Look at the network and at the provider's address.")]
    if isinstance(answer, NotDone) and answer.code == "not_supported":
        sent = f"its events belong to {addresses_of(world, key, facts.base_url)[0]}"
        return [Check(name, "ok", f"{whose}; {answer.message}; {sent}")]
    if isinstance(answer, NotDone):
        hint = "Give the key the right to read webhook endpoints, or compare the events in the dashboard."
        return [Check(name, "warning", f"{whose}; endpoints cannot be read: {answer.message}", hint)]
    addresses = addresses_of(world, key, facts.base_url)
    handled = till.capabilities.handled_events
    return [Check(name, "ok", f"{whose}, the key is good"), _subscribed(f"{name} events", answer, handled, addresses)]


def _subscribed(name: str, answer: Sequence[Subscription], handled: Sequence[str], addresses: Sequence[str]) -> Check:
    """Compare what the provider sends with what is handled (B12)."""
    ours = [each for each in answer if each.is_enabled and each.url in addresses]
    if not ours:
        elsewhere = ", ".join(each.url for each in answer if each.is_enabled) or "none"
        hint = f"Add an endpoint {addresses[0]}, or correct PAYONCE_BASE_URL."
        return Check(name, "warning", f"no endpoint leads here; enabled are: {elsewhere}", hint)
    subscribed = {event for each in ours for event in each.events}
    if "*" in subscribed:
        return Check(name, "ok", f"all events are subscribed to; {len(handled)} are handled")
    missing, extra = sorted(set(handled) - subscribed), sorted(subscribed - set(handled))
    detail = {"missing": missing, "not_handled": extra}
    if missing:
        hint = "Subscribe to them in the provider's dashboard; until then they are found late, by asking."
        return Check(name, "warning", f"handled and not subscribed to: {', '.join(missing)}", hint, detail)
    also = f"; also subscribed, stored and not handled: {', '.join(extra)}" if extra else ""
    return Check(name, "ok", f"all {len(handled)} handled events are subscribed to{also}", detail=detail)


def _base_url(base_url: str) -> Check:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_near(host):
        hint = "Set PAYONCE_BASE_URL to the address that the world knows: providers send their events there."
        return Check("base_url", "warning", f"real money is taken, and payers are sent to this machine: {host}", hint)
    if parts.scheme != "https":
        return Check("base_url", "warning", f"payers and providers reach {host} without encryption", "Use https.")
    return Check("base_url", "ok", f"payers and providers reach the service at {base_url}")


def is_near(host: str) -> bool:
    """Whether the name leads to this machine itself."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _name(key: Key) -> str:
    return f"{key[0]}:{key[1]}"
