"""Requests that no client would send: framing that lies, heads without end, protocols that are others'.

Each is bytes for a connection of its own. The body is genuinely signed by Stripe's header where one stands there, so
that what is believed although it lost a part would be stored. To take the whole of it is no mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.attacks.corpora.doors import DOORS

HOST: Final = b"Host: pay.test\r\n"


@dataclass(frozen=True, slots=True)
class Framed:
    """The bytes; `more` of them follow as often as `times` says, until the other side takes no more."""

    name: str
    data: bytes
    more: bytes = b""
    times: int = 0


def _post(*lines: bytes, path: bytes = b"/webhooks/stripe") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def hostile_requests(body: bytes) -> Iterator[Framed]:
    """All of them, about a body that Stripe could have signed."""
    signed = DOORS["stripe"].sign(body)
    assert signed is not None
    [(name, value)], _ = signed
    genuine = f"{name}: {value}".encode()
    length = b"Content-Length: %d" % len(body)
    chunk = b"%x\r\n" % len(body) + body + b"\r\n"
    chunked = b"Transfer-Encoding: chunked"
    get = b"GET /livez HTTP/1.1\r\n" + HOST

    # A length that lies: a part of a body is another body.
    yield Framed("a shorter length", _post(genuine, b"Content-Length: %d" % (len(body) - 5)) + body)
    yield Framed("no length", _post(genuine) + body)
    yield Framed("a length of nothing", _post(genuine, b"Content-Length: 0") + body)
    yield Framed("a length below nothing", _post(genuine, b"Content-Length: -1") + body)
    yield Framed("a length with a plus", _post(genuine, b"Content-Length: +%d" % len(body)) + body)
    yield Framed("a length in hexadecimal", _post(genuine, b"Content-Length: 0x%x" % len(body)) + body)
    yield Framed("a length of Latin-1's digits", _post(genuine, b"Content-Length: \xb2") + body)
    yield Framed("a length beyond 64 bits", _post(genuine, b"Content-Length: 99999999999999999999") + body)
    yield Framed("two lengths", _post(genuine, length, b"Content-Length: 5") + body)
    yield Framed("two lengths in one", _post(genuine, b"Content-Length: %d, 5" % len(body)) + body)
    yield Framed("a length that is too large, and nothing", _post(genuine, b"Content-Length: 99999999"))
    yield Framed("a longer length, and the end", _post(genuine, b"Content-Length: %d" % (len(body) + 9)) + body)

    # Two ways to say where a body ends: a proxy and a server that choose differently see two requests.
    both = _post(genuine, length, chunked)
    yield Framed("a length and chunks", both + chunk + b"0\r\n\r\n")
    yield Framed("chunks and something else", _post(genuine, b"Transfer-Encoding: chunked, identity") + chunk)
    yield Framed("chunks by another name", _post(genuine, b"Transfer-Encoding: xchunked", length) + body)
    yield Framed("chunks behind a tab", _post(genuine, b"Transfer-Encoding:\x0bchunked") + chunk)
    yield Framed("a chunk that is no number", _post(genuine, chunked) + b"zz\r\n" + body + b"\r\n0\r\n\r\n")
    yield Framed("a chunk below nothing", _post(genuine, chunked) + b"-1\r\n" + body + b"\r\n0\r\n\r\n")
    yield Framed("a chunk beyond 64 bits", _post(genuine, chunked) + b"f" * 17 + b"\r\n" + body)
    yield Framed("a chunk that is longer than it says", _post(genuine, chunked) + b"5\r\n" + body + b"\r\n0\r\n\r\n")
    yield Framed("the signature behind the body", _post(chunked) + chunk + b"0\r\n" + genuine + b"\r\n\r\n")
    yield Framed("half of the chunks", _post(genuine, chunked) + chunk[: len(chunk) // 2])
    yield Framed("an extension without end", _post(chunked) + b"5;", b"x" * 65536, 1024)
    yield Framed("chunks without end", _post(chunked), b"400\r\n" + b"x" * 1024 + b"\r\n", 65536)
    yield Framed("chunks of one byte without end", _post(chunked), b"1\r\nx\r\n" * 4096, 4096)
    yield Framed(
        "trailers without end", _post(chunked) + b"1\r\nx\r\n0\r\n", b"X-Trailer: " + b"x" * 4096 + b"\r\n", 16384
    )
    yield Framed("one trailer without end", _post(chunked) + b"1\r\nx\r\n0\r\nX-Trailer: ", b"x" * 65536, 1024)

    # Heads.
    yield Framed("a header without end", _post()[:-2] + b"X-Long: ", b"x" * 65536, 1024)
    yield Framed("a name without end", _post()[:-2], b"x" * 65536, 1024)
    yield Framed("headers without end", _post()[:-2], b"X-Many: 1\r\n" * 4096, 1024)
    yield Framed("an address without end", b"POST /", b"x" * 65536, 1024)
    yield Framed("a method without end", b"P" * 64, b"P" * 65536, 256)
    yield Framed("a large head in one piece", _post(genuine, length, b"X-Large: " + b"x" * 70_000) + body)
    yield Framed("ten thousand headers", _post(genuine, length, *[b"X-Many: 1"] * 10_000) + body)
    yield Framed("a folded header", _post(genuine[:40] + b"\r\n " + genuine[40:], length) + body)
    yield Framed("a header folded by a tab", _post(genuine[:40] + b"\r\n\t" + genuine[40:], length) + body)
    yield Framed("a space before the colon", _post(genuine.replace(b":", b" :", 1), length) + body)
    yield Framed("a header without a name", _post(b": x", genuine, length) + body + b"x")
    yield Framed("a header without a colon", _post(b"Stripe-Signature", length) + body)
    yield Framed("a NUL in a header", _post(genuine + b"\x00", length) + body)
    yield Framed("a NUL in a name", _post(b"Stripe\x00-Signature: x", length) + body)
    yield Framed("control letters in a header", _post(genuine + b"\x01\x02\x7f", length) + body)
    yield Framed("a bare line feed", _post(genuine, length).replace(b"\r\n", b"\n") + body + b"x")
    yield Framed("a bare carriage return", _post(genuine, length).replace(b"\r\n", b"\r") + body)
    yield Framed("a genuine header, twice", _post(genuine, genuine, length) + body)
    yield Framed("a genuine header between wrong ones", _post(b"Stripe-Signature: t=1,v1=0", genuine, length) + body)
    yield Framed("the name with an underscore", _post(genuine.replace(b"-", b"_", 1), length) + body)
    yield Framed("letters beyond ASCII in a name", _post("Stripe-Signatüre: x".encode(), length) + body)

    # Addresses and methods.
    yield Framed(
        "bytes beyond ASCII in the address",
        b"POST /webhooks/\xff\xfe HTTP/1.1\r\n" + HOST + length + b"\r\n\r\n" + body,
    )
    yield Framed("a NUL in the address", b"POST /webhooks/\x00 HTTP/1.1\r\n" + HOST + b"\r\n")
    yield Framed("a space in the address", b"POST /webhooks/a b HTTP/1.1\r\n" + HOST + b"\r\n")
    yield Framed("no address", b"POST  HTTP/1.1\r\n" + HOST + b"\r\n")
    yield Framed("an asterisk", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
    yield Framed(
        "a whole address",
        b"POST http://evil.example/webhooks/stripe HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    )
    yield Framed("a connection through us", b"CONNECT 169.254.169.254:80 HTTP/1.1\r\n" + HOST + b"\r\n")
    yield Framed("a method in small letters", _post(genuine, length).replace(b"POST", b"post", 1) + body)
    yield Framed("a method that is none", _post(genuine, length).replace(b"POST", b"HACK", 1) + body)
    yield Framed("another method", _post(genuine, length).replace(b"POST", b"PUT", 1) + body)
    yield Framed("TRACE", b"TRACE / HTTP/1.1\r\n" + HOST + b"X-Secret: 1\r\n\r\n")

    # Protocols.
    yield Framed("HTTP/0.9", b"GET /livez\r\n")
    yield Framed("HTTP/1.0 without a length", b"POST /webhooks/stripe HTTP/1.0\r\n" + genuine + b"\r\n\r\n" + body)
    yield Framed("HTTP/9.9", _post(genuine, length).replace(b"HTTP/1.1", b"HTTP/9.9", 1) + body)
    yield Framed("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    yield Framed("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200))
    yield Framed("SSH", b"SSH-2.0-OpenSSH_9.9\r\n")
    yield Framed("PROXY", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + get + b"\r\n")
    yield Framed(
        "a web socket",
        get + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + b"\x81\x05hello",
    )
    yield Framed(
        "HTTP/2 by upgrade",
        _post(
            genuine,
            length,
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABkAAQAAP__",
        )
        + body,
    )
    yield Framed("nothing", b"")
    yield Framed("line feeds", b"\r\n" * 1000)
    yield Framed("noise", bytes(range(256)) * 64)
    # Expecting to be told to go on, and then something else.
    yield Framed("an expectation that is none", _post(b"Expect: 200-maybe", length) + body)
    yield Framed("waiting to go on, and never going on", _post(b"Expect: 100-continue", length))
