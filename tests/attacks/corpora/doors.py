"""Where providers' webhooks come in, how each of them signs, and everything that is no signature.

What signs here shares nothing with the adapters: the official SDK for Stripe, and independent readings of the documents
for the others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import stripe

from payonce.providers.contract import Acknowledgement
from tests.attacks.corpora.bodies import MIB
from tests.providers.nowpayments import samples as nowpayments

Headers = list[tuple[str, str]]

STRIPE_SECRET: Final = "whsec_of_the_corpus_1234567890"
ZALOPAY_KEY2: Final = "key2_of_the_corpus_1234567890"
IPN_SECRET: Final = "ipn_of_the_corpus_1234567890"
NOTICE_LIMIT: Final = 64 * 1024
# Times in a signature that are not now, in seconds from it: what was overheard, and what somebody's clock will say.
APART: Final = (-3650 * 86400, -86400, -3600, -301 - 60, 301 + 60, 3600, 86400, 3650 * 86400)


@dataclass(frozen=True, slots=True)
class Door:
    """One provider's: `sign` makes of a content what is sent, or None where nobody could sign it; `forge` makes headers
    and bodies of the content that prove nothing."""

    provider: str
    forged: Acknowledgement
    accepted_status: int
    sign: Callable[[bytes], tuple[Headers, bytes] | None]
    forge: Callable[[bytes], Iterator[tuple[str, Headers, bytes]]]

    @property
    def path(self) -> str:
        return f"/webhooks/{self.provider}"


def environment() -> dict[str, str]:
    """The settings of a service that has all of the doors, and reaches no provider."""
    nobody = "http://127.0.0.1:1"
    return {
        "PAYONCE_STRIPE_API_KEY": "sk_test_corpus_1234567890", "PAYONCE_STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
        "PAYONCE_STRIPE_API_BASE": nobody, "PAYONCE_ZALOPAY_APP_ID": "2553",
        "PAYONCE_ZALOPAY_KEY1": "key1_of_the_corpus_1234567890", "PAYONCE_ZALOPAY_KEY2": ZALOPAY_KEY2,
        "PAYONCE_ZALOPAY_API_BASE": nobody, "PAYONCE_NOWPAYMENTS_API_KEY": "key_of_the_corpus_1234567890",
        "PAYONCE_NOWPAYMENTS_IPN_SECRET": IPN_SECRET, "PAYONCE_NOWPAYMENTS_API_BASE": nobody,
        # What comes in is looked at as it was stored: nothing else happens here.
        "PAYONCE_JOB_ALL": "off",
    }  # fmt: skip


def _stripe_header(body: bytes, at: int, secret: str = STRIPE_SECRET, scheme: str = "v1") -> str:
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},{scheme}={digest}"


def _sign_stripe(content: bytes) -> tuple[Headers, bytes] | None:
    if len(content) > MIB:
        return None
    at = int(time.time())
    try:
        header = str(stripe.WebhookSignature.generate_signature_header(content.decode(), STRIPE_SECRET, at))
    except UnicodeDecodeError:
        # The SDK signs text alone; the scheme is over bytes.
        header = _stripe_header(content, at)
    return [("Stripe-Signature", header)], content


def _forge_stripe(content: bytes) -> Iterator[tuple[str, Headers, bytes]]:
    now = int(time.time())
    genuine = _stripe_header(content, now)
    digest = genuine.rpartition("=")[2]
    values: dict[str, str] = {
        "empty": "",
        "a word": "x",
        "the digest alone": digest,
        "another secret": _stripe_header(content, now, "whsec_of_somebody_else_12345"),
        "an empty secret": _stripe_header(content, now, ""),
        "the secret without its prefix": _stripe_header(content, now, STRIPE_SECRET.removeprefix("whsec_")),
        "the digest of another body": _stripe_header(content + b" ", now),
        "no time": f"v1={digest}",
        "two times": f"t={now},{genuine}",
        "another time than was signed": f"t={now + 1},v1={digest}",
        "a time with a sign": f"t=+{now},v1={digest}",
        "a time with a point": f"t={now}.0,v1={digest}",
        "a time of many digits": f"t={'9' * 300},v1={digest}",
        "a time of Latin-1's digits": f"t=\xb2\xb3,v1={digest}",
        "another scheme": genuine.replace("v1=", "v0="),
        "an unknown scheme": genuine.replace("v1=", "v9="),
        "an empty signature": f"t={now},v1=",
        "an empty one and a wrong one": f"t={now},v1=,v1={'0' * 64}",
        "a thousand wrong ones": f"t={now}," + ",".join(["v1=" + "0" * 58] * 60),
        "more than fits": f"t={now}," + ",".join(["v1=" + "0" * 64] * 100) + f",v1={digest}",
        "capital letters": genuine.upper(),
        "capital digits": f"t={now},v1={digest.upper()}",
        "base64": f"t={now},v1={base64.b64encode(bytes.fromhex(digest)).decode()}",
        "a letter of Latin-1": f"t={now},v1=\xe9{digest}",
        "one digit short": genuine[:-1],
        "spaces within": f"t = {now}, v1 = {digest}",
        "spaces between": f"t={now}, v1={digest}",
        "semicolons": f"t={now};v1={digest}",
    }
    for seconds in APART:
        values[f"signed {seconds} s from now"] = _stripe_header(content, now + seconds)
    yield "no header", [], content
    yield "the header of another provider", [("X-NowPayments-Sig", digest)], content
    for name, value in values.items():
        yield name, [("Stripe-Signature", value)], content


def _mac(text: str, key: str = ZALOPAY_KEY2) -> str:
    return hmac.new(key.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _callback(data: object, mac: object, kind: object = 1) -> bytes:
    return json.dumps({"data": data, "mac": mac, "type": kind}).encode()


def _sign_zalopay(content: bytes) -> tuple[Headers, bytes] | None:
    """The content is a callback's data: text, in an envelope that text can stand in."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    body = json.dumps({"data": text, "mac": _mac(text), "type": 1}, ensure_ascii=False).encode()
    # An envelope with an escaped NUL could not be stored as what it says, so it is none by our rules.
    return None if len(body) > NOTICE_LIMIT or "\x00" in text else ([], body)


def _forge_zalopay(content: bytes) -> Iterator[tuple[str, Headers, bytes]]:
    text = content.decode("utf-8", "replace")
    digest = _mac(text)
    macs: dict[str, object] = {
        "empty": "", "nothing": None, "a number": 0, "true": True, "a list": [digest], "an object": {"mac": digest},
        "capital letters": digest.upper(), "one digit short": digest[:-1], "a digit more": digest + "0",
        "a space before": " " + digest, "a line feed behind": digest + "\n", "base64": base64.b64encode(
            bytes.fromhex(digest)).decode(), "base64 for addresses": base64.urlsafe_b64encode(
            bytes.fromhex(digest)).decode().rstrip("="), "letters beyond ASCII": "\uff10" * 64,
        "a lone surrogate": "\ud800", "another key": _mac(text, "key2_of_somebody_else_12345"),
        "an empty key": _mac(text, ""), "the key that signs what is sent": _mac(text, "key1_of_the_corpus_1234567890"),
        "the digest of another text": _mac(text + " "), "the digest of nothing": _mac(""),
        "the digest of the text as JSON": _mac(json.dumps(text)),
    }  # fmt: skip
    yield "the content by itself", [], content
    yield "the mac in a header", [("X-Mac", digest), ("Mac", digest)], content
    yield "data that is no text", [], _callback({"a": 1}, digest)
    yield "data that is nothing", [], _callback(None, _mac("None"))
    yield "no data", [], json.dumps({"mac": _mac(""), "type": 1}).encode()
    # What the payer's browser brings back is signed with the same key.
    yield "a redirect's checksum", [], _callback("2553|261120_x|38||50000|0|1", _mac("2553|261120_x|38||50000|0|1"))
    for name, mac in macs.items():
        yield name, [], _callback(text, mac)


def _sign_nowpayments(content: bytes) -> tuple[Headers, bytes] | None:
    if len(content) > NOTICE_LIMIT:
        return None
    return [("X-NowPayments-Sig", nowpayments.signed(content, IPN_SECRET)["x-nowpayments-sig"])], content


def _forge_nowpayments(content: bytes) -> Iterator[tuple[str, Headers, bytes]]:
    def digest(body: bytes, secret: str = IPN_SECRET) -> str:
        return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()

    sorted_badly = json.dumps({"zz": 1, "a": 2}).encode()
    values: dict[str, str] = {
        "empty": "", "a word": "x", "zeros": "0" * 128, "the plain hash": hashlib.sha512(content).hexdigest(),
        "SHA-256": hmac.new(IPN_SECRET.encode(), content, hashlib.sha256).hexdigest(),
        "an empty secret": digest(content, ""), "another secret": digest(content, "ipn_of_somebody_else_1234"),
        "the API key for a secret": digest(content, "key_of_the_corpus_1234567890"),
        "of another body": digest(content + b" "), "of keys that are not sorted": digest(sorted_badly),
        "capital letters": digest(content, "x").upper(), "one digit short": digest(content)[:-1],
        "base64": base64.b64encode(bytes.fromhex(digest(content))).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(bytes.fromhex(digest(content))).decode().rstrip("="),
        "letters of Latin-1": "\xe9" * 128, "a prefix": "sha512=" + digest(content), "too long": "0" * 60_000,
    }  # fmt: skip
    yield "no header", [], content
    yield "the header of another provider", [("Stripe-Signature", digest(content))], content
    yield "the signature in the body", [], b'{"x-nowpayments-sig":"' + digest(b"{}").encode() + b'"}'
    for name, value in values.items():
        yield name, [("X-NowPayments-Sig", value)], content
    yield "two wrong ones", [("X-NowPayments-Sig", "0" * 128), ("X-NowPayments-Sig", "0" * 128)], content


_REFUSED: Final = Acknowledgement(400, b"", "")
DOORS: Final[dict[str, Door]] = {
    door.provider: door
    for door in (
        Door("stripe", _REFUSED, 200, _sign_stripe, _forge_stripe),
        Door("zalopay", Acknowledgement(200, b'"return_code":-1', ""), 200, _sign_zalopay, _forge_zalopay),
        Door("nowpayments", _REFUSED, 200, _sign_nowpayments, _forge_nowpayments),
    )
}
