"""Who calls `/v1`: a Bearer key, whose money it may touch, and what it may do. Keys are compared by their hashes."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from payonce.api.settings import ApiSettings
from payonce.base.errors import Refused
from payonce.usecases.api_keys import SCOPES, ApiKey, find_key, hash_of
from payonce.usecases.world import World

# A revoked key ends within this time, and every other request is spared a round trip.
REMEMBERED_FOR: Final = timedelta(seconds=5)
MOST_REMEMBERED: Final = 1000


class Keyring:
    """The first key of the settings, and the keys of the table."""

    def __init__(self, world: World, settings: ApiSettings) -> None:
        self._world = world
        self._first_hash = hash_of(settings.api_key)
        self._first = ApiKey(settings.merchant_id, "first", frozenset(SCOPES))
        self._known: OrderedDict[bytes, tuple[datetime, ApiKey | None]] = OrderedDict()

    async def authorize(self, authorization: str, scope: str) -> ApiKey:
        """The key behind an Authorization header. Raises Refused `key_missing`, `key_unknown` (401), `scope_missing`
        (403)."""
        key = await self.identify(authorization)
        if scope not in key.scopes:
            detail = {"scope": scope}
            raise Refused(f"this API key lacks the scope {scope}", code="scope_missing", status=403, detail=detail)
        return key

    async def identify(self, authorization: str) -> ApiKey:
        """The key, whatever it may do. Raises Refused `key_missing`, `key_unknown` (401)."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            said = "send your API key as Authorization: Bearer <key>"
            raise Refused(said, code="key_missing", param="Authorization", status=401)
        key = await self._find(hash_of(secret.strip()))
        if key is None:
            raise Refused("this API key is unknown or revoked", code="key_unknown", param="Authorization", status=401)
        return key

    async def _find(self, key_hash: bytes) -> ApiKey | None:
        if hmac.compare_digest(key_hash, self._first_hash):
            return self._first
        now = self._world.clock.now()
        until, key = self._known.get(key_hash, (now, None))
        if not now < until <= now + REMEMBERED_FOR:
            key = await find_key(self._world, key_hash)
            self._known[key_hash] = (now + REMEMBERED_FOR, key)
            self._known.move_to_end(key_hash)
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return key
