"""Who may ask: the key of the account for everything, and for lists a token that a sign-in gives and minutes end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.errors import NowError
from payonce.providers.simulator.wire import Request


def require_key(request: Request, books: Books) -> None:
    """Raises NowError 403 unless the key is the account's."""
    given = (request.header("x-api-key") or "").encode()
    if not hmac.compare_digest(given, books.settings.api_key.encode()):
        raise NowError("Invalid api key", status=403, code="INVALID_API_KEY")


def token_for(books: Books, email: str, password: str) -> str:
    """A JSON Web Token for somebody who knows the password. Raises NowError 403."""
    settings = books.settings
    wanted = f"{settings.email}\n{settings.password}".encode()
    if not hmac.compare_digest(f"{email}\n{password}".encode("utf-8", "replace"), wanted):
        raise NowError("Access denied", status=403, code="ACCESS_DENIED")
    issued = int(books.now())
    claims = {"id": "1", "iat": issued, "exp": issued + int(settings.token_life)}
    head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{head}.{_mark(books, head)}"


def require_token(request: Request, books: Books) -> None:
    """Raises NowError 401 unless a token of ours, that has not ended, comes along."""
    scheme, _, token = (request.header("authorization") or "").partition(" ")
    if scheme != "Bearer" or not token:
        raise NowError("Authorization header is empty (Bearer JWTtoken is required)", status=401, code="AUTH_REQUIRED")
    head, _, mark = token.rpartition(".")
    if not hmac.compare_digest(mark.encode(), _mark(books, head).encode()):
        raise NowError("Invalid token", status=401, code="INVALID_TOKEN")
    claims = head.partition(".")[2]
    if json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"] <= books.now():
        raise NowError("jwt expired", status=401, code="INVALID_TOKEN")


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _mark(books: Books, head: str) -> str:
    key = f"tokens of {books.settings.password}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, head.encode(), hashlib.sha256)).rstrip(b"=").decode()
