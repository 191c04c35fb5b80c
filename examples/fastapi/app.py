"""A club that takes monthly fees: a FastAPI application with a database of its own, and payonce inside it.

    uvicorn examples.fastapi.app:app --port 8080

It places an order in the same transaction as its own row, leads the payer to pay, and does two things once for every
payment: it writes a membership in its own database, and sends one invitation to the outside.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, RedirectResponse, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from payonce import AlreadyPaid, Checkout, EffectCall, InProgress, Payonce, Simulated, Stripe

DATABASE_URL = os.environ["DATABASE_URL"]
BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8080")
# Where invitations go; a chat or a mail service in a real club.
OUTBOX = Path(os.environ.get("OUTBOX", "outbox.txt"))

if "STRIPE_API_KEY" in os.environ:
    provider: Stripe | Simulated = Stripe(
        api_key=os.environ["STRIPE_API_KEY"],
        webhook_secrets=os.environ["STRIPE_WEBHOOK_SECRET"].split(","),
        api_base=os.environ.get("STRIPE_API_BASE"),
    )
else:
    provider = Simulated(port=8081)

engine = Payonce(DATABASE_URL, providers=[provider], base_url=f"{BASE_URL}/payments")
pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(DATABASE_URL, open=False)


@engine.effect("membership", on="order.paid", transactional=True)
async def grant_membership(effect: EffectCall, connection: AsyncConnection[Any]) -> None:
    """Write what was paid for into the club's own table. It commits together with the mark that it is done."""
    await connection.execute(
        "INSERT INTO memberships (player, month) SELECT player, month FROM fees WHERE reference = %s",
        [effect.order["reference"]],
    )


@engine.effect("invite", on="order.paid", on_unknown="ask")
def send_invitation(effect: EffectCall) -> str:
    """Tell the outside, which knows no key of ours: where nobody knows whether this was done, a person decides."""
    with OUTBOX.open("a", encoding="utf-8") as outbox:
        outbox.write(f"{effect.key} {effect.order['reference']}\n")
    return "written to the outbox"


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open the club's own pool and the engine. Nobody runs the lifespan of what is mounted, so it is done here."""
    async with pool, engine:
        async with pool.connection() as connection:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS fees (reference text PRIMARY KEY, player text, month text, order_id uuid)"
            )
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS memberships (player text, month text, PRIMARY KEY (player, month))"
            )
        yield


app = FastAPI(title="The club", lifespan=lifespan)
app.mount("/payments", engine.asgi())


class Fee(BaseModel):
    """What a player owes for a month."""

    player: str
    month: str
    amount_minor: int


@app.post("/fees", status_code=201)
async def ask_for_fee(fee: Fee) -> dict[str, Any]:
    """Write the fee and place its order: both, or neither."""
    reference = f"fee:{fee.player}:{fee.month}"
    async with pool.connection() as connection, connection.transaction():
        placed = await engine.transaction(connection).place_order(
            reference=f"{reference}:{fee.amount_minor}",
            purpose=reference,
            amount_minor=fee.amount_minor,
            currency="USD",
            payer_reference=fee.player,
            success_url=f"{BASE_URL}/thanks",
            cancel_url=f"{BASE_URL}/fees",
        )
        await connection.execute(
            "INSERT INTO fees VALUES (%s, %s, %s, %s) ON CONFLICT (reference) DO NOTHING",
            [placed.order.reference, fee.player, fee.month, placed.order.id],
        )
    return engine.show(placed.order)


@app.post("/fees/{order_id}/pay")
async def pay(order_id: str) -> Response:
    """Lead the payer to the one page where this fee can be paid, however often they click."""
    answer = await engine.ensure_checkout(order_id)
    if isinstance(answer, Checkout) and answer.url:
        return RedirectResponse(answer.url, status_code=303)
    if isinstance(answer, AlreadyPaid):
        raise HTTPException(409, f"it was paid at {answer.paid_at:%Y-%m-%d %H:%M} UTC")
    if isinstance(answer, InProgress):
        return JSONResponse({"reason": answer.reason}, 202, {"Retry-After": f"{answer.retry_after_seconds:.0f}"})
    raise HTTPException(503, "it cannot be paid at the moment")


@app.get("/fees/{order_id}")
async def see(order_id: str) -> dict[str, Any]:
    """How far a fee is."""
    return engine.show(await engine.read_order(order_id))


@app.get("/members")
async def members() -> list[list[str]]:
    """Who paid which month."""
    async with pool.connection() as connection:
        rows = await (await connection.execute("SELECT player, month FROM memberships ORDER BY 1, 2")).fetchall()
    return [list(row) for row in rows]
