"""What a bad network leaves of an answer."""

from __future__ import annotations

from dataclasses import replace

from payonce.providers.simulator.faults import Fault
from payonce.providers.simulator.wire import BROKEN, NOTHING, Reply

PROXY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n"
)


def distorted(fault: Fault, reply: Reply) -> Reply:
    """What is left of an answer on its way through a bad network."""
    if fault.kind == "timeout":
        return NOTHING
    if fault.kind == "reset":
        return BROKEN
    if fault.kind == "html":
        return proxy_error(fault.status)
    if fault.kind == "bad_json":
        half = reply.body[: len(reply.body) // 2] if reply.status == 200 else b'{"error'
        return Reply(200, (("Content-Type", "application/json"),), half)
    return replace(reply, manner="drip")


def proxy_error(status: int) -> Reply:
    """What something between the caller and the provider answers when it has no answer."""
    return Reply(status, (("Content-Type", "text/html"),), PROXY_PAGE)
