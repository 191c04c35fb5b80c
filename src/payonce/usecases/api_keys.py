"""API keys: whose money a caller may touch, and what it may do. A key is shown once; only its hash is stored.

A made key has 160 bits, so that a plain hash protects it. The first key of an installation is in its settings and never
stored here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from payonce.base.errors import Refused
from payonce.base.ids import spell
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

API: Final = queries.load("api")
# Orders: place, pay, cancel; and read them. Inspect: events, effects, findings. Operate: replay, retry, skip.
# Jobs: what runs by itself, for every merchant of the installation, and stopping it.
SCOPES: Final = ("orders:write", "orders:read", "inspect", "operate", "jobs")
KEY_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who calls: whose money, under which name, and what the key may do."""

    merchant_id: str
    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as a person sees it; the key itself is known to nobody but its holder."""

    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def hash_of(secret: str) -> bytes:
    """What is stored of a key, and compared."""
    return hashlib.sha256(secret.encode()).digest()


async def find_key(world: World, key_hash: bytes) -> ApiKey | None:
    """Whose key has this hash, or None for one that is unknown or revoked."""

    async def work(tx: Tx) -> ApiKey | None:
        row = await tx.one(API.find_key, key_hash=key_hash)
        return ApiKey(row.merchant_id, row.name, frozenset(row.scopes)) if row else None

    return await world.database.transaction(work, name="find_key", read_only=True)


async def create_key(world: World, merchant_id: str, name: str, scopes: tuple[str, ...]) -> str:
    """Make a key and store its hash; the key, which nobody can show again.

    Raises Refused `scope_unknown` and `key_name_missing`.
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        said = f"there is no scope {unknown[0]!r:.40}" if unknown else "a key needs a scope"
        raise Refused(f"{said}; there are {', '.join(SCOPES)}", code="scope_unknown", param="scopes")
    if not name.strip():
        raise Refused("a key needs a name, so that it can be revoked", code="key_name_missing", param="name")
    secret = f"pok_{spell(world.chance.token(KEY_BYTES))}"

    async def work(tx: Tx) -> None:
        tx.later(
            API.insert_key, key_hash=hash_of(secret), merchant_id=merchant_id, name=name, scopes=list(scopes),
            now=tx.now,
        )  # fmt: skip

    await world.database.transaction(work, name="create_key")
    return secret


async def list_keys(world: World, merchant_id: str) -> list[ListedKey]:
    """All keys of the merchant, the oldest first."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(API.list_keys, merchant_id=merchant_id)

    rows = await world.database.transaction(work, name="list_keys", read_only=True)
    return [ListedKey(row.name, tuple(row.scopes), row.created_at, row.revoked_at) for row in rows]


async def revoke_keys(world: World, merchant_id: str, name: str) -> int:
    """End the keys of that name; how many there were. The edge forgets a key within seconds."""

    async def work(tx: Tx) -> int:
        return await tx.run(API.revoke_keys, merchant_id=merchant_id, name=name, now=tx.now)

    return await world.database.transaction(work, name="revoke_keys")
