"""Bodies that a stranger, or a provider in a bad hour, may send. Each is tried unsigned and signed at every door.

`is_object` says whether the bytes are one JSON object by our strict rules: only of such can NOWPayments sign anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024
DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Body:
    """One of them."""

    name: str
    data: bytes
    is_object: bool = False


def _nested(depth: int, opening: str = '{"a":', closing: str = "}", inner: str = "1") -> bytes:
    return (opening * depth + inner + closing * depth).encode()


def _padded(size: int) -> bytes:
    """A JSON object of exactly that many bytes."""
    frame = b'{"a":""}'
    return b'{"a":"' + b"x" * (size - len(frame)) + b'"}'


_EVENT: Final = json.dumps(
    {
        "id": "evt_hostile", "object": "event", "type": "payment_intent.succeeded", "livemode": False,
        "created": 1795176000, "data": {"object": {"id": "pi_x", "object": "payment_intent", "amount": 1}},
    }
)  # fmt: skip

# Nothing of these is an object, so nothing of them is believed where the values are what is signed.
_NO_OBJECTS: Final[dict[str, bytes]] = {
    "nothing": b"",
    "a space": b" ",
    "one NUL": b"\x00",
    "null": b"null",
    "true": b"true",
    "a number": b"7",
    "a text": b'"a"',
    "a list": b"[]",
    "half an object": b"{",
    "a bracket too many": b"{}}",
    "two values": b"{}{}",
    "words": b"hello",
    "HTML": b"<!doctype html><title>502 Bad Gateway</title>",
    "a form": b"data=%7B%7D&mac=00&type=1",
    "XML with an entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x93.",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x8b\x8e\x05\x00\x29\xbb\x4c\x0d\x02\x00\x00\x00",
    "a comment": b'{"a":1/*x*/}',
    "a last comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "NaN": b'{"amount":NaN}',
    "Infinity": b'{"amount":Infinity}',
    "less than infinity": b'{"amount":-Infinity}',
    "a leading zero": b'{"amount":01}',
    "a plus": b'{"amount":+1}',
    "hexadecimal": b'{"amount":0x10}',
    "a bare point": b'{"amount":.5}',
    "an exponent out of range": b'{"amount":1e999999999}',
    # Decimal itself raises, and no ValueError (found by the fuzzer).
    "an exponent that no decimal can hold": b'{"amount":1e9999999999999999999}',
    "an exponent below range": b'{"amount":1e-999999999}',
    "five thousand digits": b'{"amount":' + b"9" * 5000 + b"}",
    "half a mebibyte of digits": b'{"amount":' + b"9" * (MIB // 2) + b"}",
    "digits of another script": '{"amount":١٢٣}'.encode(),
    "a key twice": b'{"amount":1,"amount":2}',
    "a key twice, once escaped": b'{"amount":1,"\\u0061mount":2}',
    "a key twice, deep": b'{"data":{"object":{"id":"a","id":"b"}}}',
    "a lone surrogate": b'{"a":"\\ud800"}',
    "a lone low surrogate": b'{"a":"\\udc00x"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "a lone surrogate as key": b'{"\\udfff":1}',
    "an escaped NUL": b'{"a":"x\\u0000y"}',
    "an escaped NUL as key": b'{"\\u0000":1}',
    "a plain NUL": b'{"a":"x\x00y"}',
    "a plain line feed": b'{"a":"x\ny"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "half a letter": b'{"a":"\xe2\x82"}',
    "Latin-1": b'{"a":"\xe9"}',
    "no text at all": bytes(range(256)),
    "a mark of UTF-8": b"\xef\xbb\xbf{}",
    "UTF-16": _EVENT.encode("utf-16"),
    "UTF-16 without a mark": _EVENT.encode("utf-16-le"),
    "UTF-32": _EVENT.encode("utf-32"),
    "UTF-7": '{"a":"é"}'.encode("utf-7") + b"+",
    "one too deep": _nested(DEEPEST + 1),
    "a bomb of objects": _nested(100_000),
    "a bomb of lists": _nested(100_000, "[", "]"),
    "an open bomb": b"[" * MIB,
    "an open bomb of objects": b'{"a":' * 200_000,
    "half a million lists": b"[]" * (MIB // 2),
    "one byte too large": _padded(MIB + 1),
    "twice too large": _padded(2 * MIB),
    "nothing but brackets, too large": b"{" * (MIB + 1),
}  # fmt: skip

_OBJECTS: Final[dict[str, bytes]] = {
    "an empty object": b"{}",
    "an object with space around": b" \r\n\t{ } \n",
    "an event": _EVENT.encode(),
    "an event of a type without end": _EVENT.replace("payment_intent.succeeded", "x" * 5000).encode(),
    "an event with an id without end": _EVENT.replace("evt_hostile", "e" * 5000).encode(),
    "an event of no account": _EVENT.replace('"object": "event"', '"object": "event", "account": "acct_x"').encode(),
    "an event whose object is a list": b'{"id":"evt_list","object":"event","type":"charge.updated","data":[]}',
    "a thin event": b'{"id":"evt_thin","object":"v2.core.event","type":"v1.x","related_object":null}',
    "as deep as is taken": _nested(DEEPEST),
    "brackets in a text": b'{"a":"' + b"[{" * 10_000 + b'"}',
    "escapes without end": b'{"a":"' + b"\\u0041" * 5000 + b'"}',
    "a hundred digits": b'{"amount":' + b"9" * 100 + b"}",
    "beyond 64 bits": b'{"amount":18446744073709551616}',
    "below 64 bits": b'{"amount":-9223372036854775809}',
    "minus nothing": b'{"amount":-0}',
    "a small number": b'{"amount":1e-7,"fee":0.00001234}',
    "many spellings of one number": b'{"a":1,"b":1.0,"c":1.00,"d":1e0,"e":10E-1}',
    "a number in a text": b'{"payment_id":"5524759814","pay_amount":"1e-7"}',
    "lists in lists": b'{"a":[1,[2,[3]],{"b":[]}],"c":[0,1,2,3,4,5,6,7,8,9,10]}',
    "keys that JavaScript sorts otherwise": '{"10":1,"9":2,"\\uff5e":3,"\U0001f600":4,"Z":5,"a":6}'.encode(),
    "the names of JavaScript's own": b'{"__proto__":{"x":1},"constructor":1,"hasOwnProperty":2,"toString":3}',
    "letters beyond ASCII": '{"order_description":"Trà sữa – 珍珠奶茶 é \u2028\u2029"}'.encode(),
    "letters written in escapes": b'{"order_description":"Tr\\u00e0 \\ud83d\\ude00 \\/"}',
    "a text in every normal form": "{\"a\":\"e\u0301 \u00e9 \ufb01 \u202e\u200b\"}".encode(),
    "control letters in escapes": b'{"a":"\\u0001\\u001f\\u007f\\b\\f"}',
    "SQL": b"{\"id\":\"'; DROP TABLE orders; --\",\"type\":\"x' OR '1'='1\"}",
    "a template": b'{"id":"{{7*7}}${jndi:ldap://x}<script>alert(1)</script>%s%n"}',
    "five thousand keys": b"{" + b",".join(b'"k%05d":0' % number for number in range(5_000)) + b"}",
    "a callback of nobody": b'{"data":"{}","mac":"","type":1}',
    "a callback with data that is no text": b'{"data":{"app_id":1},"mac":"00","type":1}',
    "a callback with a number for a mac": b'{"data":"{}","mac":0,"type":1}',
    "a callback of type infinity": b'{"data":"{}","mac":"00","type":1e99}',
    "a notice": b'{"payment_id":1,"payment_status":"finished","price_amount":1,"price_currency":"usd"}',
    "a notice with lists for everything": b'{"payment_id":[],"payment_status":[],"order_id":{},"price_amount":[1]}',
    "just not too large for a notice": _padded(64 * 1024),
}  # fmt: skip

# Objects, but larger than any notice or callback: taken of Stripe, whose signature is over the bytes.
_LARGE: Final[dict[str, bytes]] = {
    "too large for a notice": _padded(64 * 1024 + 1),
    "a mebibyte of numbers": b'{"a":[' + b"1," * (MIB // 2 - 10) + b"1]}",
    "a mebibyte of objects": b'{"a":[' + b"{}," * (MIB // 3 - 10) + b"{}]}",
    "exactly a mebibyte": _padded(MIB),
}  # fmt: skip

BODIES: Final[tuple[Body, ...]] = tuple(
    Body(name, data, is_object)
    for table, is_object in ((_NO_OBJECTS, False), (_OBJECTS, True), (_LARGE, True))
    for name, data in table.items()
)
