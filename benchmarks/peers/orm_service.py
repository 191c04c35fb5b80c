"""A webhook endpoint as a good engineer writes it by hand: FastAPI, SQLAlchemy's async ORM, one transaction a request.

It verifies the signature with Stripe's own library, takes an event once (unique key), locks payment and order, moves
both, and adds two ledger lines and a row of an outbox. No joins of other events, no late money, no audit.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import stripe
from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"]
engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=20, max_overflow=10)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    paid_at: Mapped[datetime | None] = mapped_column()


class Payment(Base):
    __tablename__ = "payments"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    stripe_payment_intent_id: Mapped[str] = mapped_column(Text, unique=True)
    status: Mapped[str] = mapped_column(Text)
    received_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    order: Mapped[Order] = relationship()


class WebhookEvent(Base):
    __tablename__ = "webhook_events"
    stripe_event_id: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC).replace(tzinfo=None))


class LedgerLine(Base):
    __tablename__ = "ledger_lines"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    account: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)


class OutboxMessage(Base):
    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    topic: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text, unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


@app.get("/ready")
async def ready() -> dict[str, bool]:
    return {"ready": True}


@app.post("/webhooks/stripe")
async def webhook(request: Request, db: Annotated[AsyncSession, Depends(session)]) -> dict[str, str]:
    payload = await request.body()
    try:
        event = stripe.Webhook.construct_event(payload, request.headers.get("stripe-signature", ""), SECRET)
    except (ValueError, stripe.SignatureVerificationError):
        raise HTTPException(400) from None
    async with db.begin():
        new = await db.scalar(
            insert(WebhookEvent)
            .values(stripe_event_id=event.id, type=event.type, payload=payload)
            .on_conflict_do_nothing()
            .returning(WebhookEvent.stripe_event_id)
        )
        if new is None:
            return {"status": "duplicate"}
        if event.type == "payment_intent.succeeded":
            await settle(db, event.data.object)
    return {"status": "accepted"}


async def settle(db: AsyncSession, intent: Any) -> None:
    payment = await db.scalar(select(Payment).where(Payment.stripe_payment_intent_id == intent.id).with_for_update())
    if payment is None or payment.status == "succeeded":
        return
    order = await db.get_one(Order, payment.order_id, with_for_update=True)
    payment.status, payment.received_minor = "succeeded", intent.amount_received
    if order.status == "open" and intent.amount_received >= order.amount_minor:
        order.status, order.paid_at = "paid", datetime.now(UTC).replace(tzinfo=None)
        db.add(OutboxMessage(topic="order.paid", key=f"order.paid:{order.id}", payload={"reference": order.reference}))
    db.add_all(
        [
            LedgerLine(
                order_id=order.id, account="stripe", amount_minor=intent.amount_received, currency=order.currency
            ),
            LedgerLine(
                order_id=order.id, account="orders", amount_minor=-intent.amount_received, currency=order.currency
            ),
        ]
    )


async def create_all() -> None:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


if __name__ == "__main__":
    import asyncio

    asyncio.run(create_all())
