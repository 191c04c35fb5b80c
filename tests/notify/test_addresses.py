"""Only addresses of the public internet are called, whatever a name says and however an address is spelt."""

from __future__ import annotations

import asyncio

import pytest

from payonce.base.errors import Refused
from payonce.notify.addresses import is_public, resolve
from payonce.notify.sender import HttpSender
from payonce.notify.signing import Signer
from payonce.notify.webhooks import Endpoint, operators_endpoint
from payonce.providers.transport import Request, Unreachable
from tests.support.webhook_receiver import receiver

KEY = "whsec_bm90IGEgc2VjcmV0IG9mIGFueWJvZHk="

PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
NOT_PUBLIC = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
    "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "::127.0.0.1", "localhost", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet_may_be_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_only_we_can_reach_are_refused(address: str) -> None:
    assert not is_public(address)


async def call(url: str, **more: object) -> int:
    async with HttpSender(**more) as sender:  # type: ignore[arg-type]
        return (await sender.send(Request("POST", url, (), b"{}", 5.0))).status


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"],
)
def test_a_connection_to_this_machine_is_refused_however_it_is_spelt(host: str) -> None:
    with receiver(KEY) as endpoint:
        port = endpoint.url.split(":")[2].partition("/")[0]
        with pytest.raises(Unreachable) as refused:
            asyncio.run(call(f"http://{host}:{port}/hooks"))
        assert refused.value.sent is False
        assert endpoint.got == [] and endpoint.refused == []


def test_a_name_with_one_private_address_among_others_is_refused() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "127.0.0.1"]

    with pytest.raises(Unreachable, match=r"hooks\.example leads to 127\.0\.0\.1"):
        asyncio.run(call("http://hooks.example/", resolve=mixed))


def test_a_name_is_asked_for_once_so_that_it_cannot_change_its_mind() -> None:
    asked = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

    with receiver(KEY) as endpoint:
        port = endpoint.url.split(":")[2].partition("/")[0]
        with pytest.raises(Unreachable, match="192"):
            asyncio.run(call(f"http://hooks.example:{port}/hooks", resolve=rebinding))
        assert asked == ["hooks.example"]
        assert endpoint.got == [] and endpoint.refused == []


def test_the_operator_may_call_this_machine_and_a_dead_address_is_passed_over() -> None:
    async def first_is_dead(host: str, port: int) -> list[str]:
        return ["127.0.0.2", *(await resolve("127.0.0.1", port))]

    with receiver(KEY) as endpoint:
        port = endpoint.url.split(":")[2].partition("/")[0]
        url = f"http://hooks.example:{port}/hooks"
        assert asyncio.run(call(url, allow_private=True, resolve=first_is_dead)) == 401


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/", "ftp://hooks.example/", "https://", "https://user:pass@hooks.example/", "https://hö.example/",
     "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.example/a b", "file:///etc/passwd", ""],
)  # fmt: skip
def test_an_endpoint_that_is_not_the_operators_is_https_and_nothing_odd(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Endpoint(url, Signer([KEY]))
    assert refused.value.code == "webhook_url_invalid"


def test_the_operators_own_endpoint_may_be_plain_and_private() -> None:
    assert operators_endpoint("http://127.0.0.1:9000/hooks", KEY).allow_private
    assert Endpoint("https://hooks.example/", Signer([KEY])).allow_private is False
