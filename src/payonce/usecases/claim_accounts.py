"""Claim the accounts of an installation for their merchants. An account belongs to one merchant, for ever.

Refuses to start where an account is another merchant's: a genuine event of it would otherwise pay the wrong orders.
"""

from __future__ import annotations

from typing import Final

from payonce.base.errors import Conflict
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

ACCOUNTS: Final = queries.load("accounts")


async def claim_accounts(world: World) -> None:
    """Write down whose the accounts are. Raises Conflict `account_taken` where one is another merchant's already."""
    tills = [(key, world.looker(*key)) for key in sorted(world.tills)]
    wanted = {(till.provider, till.account, till.mode): world.merchants[key] for key, till in tills}
    if not wanted:
        return
    providers, accounts, modes = (list(column) for column in zip(*wanted, strict=True))
    asked = {"providers": providers, "accounts": accounts, "modes": modes}

    async def work(tx: Tx) -> list[Row]:
        _, owners = await tx.all(
            (ACCOUNTS.claim_accounts, asked | {"merchants": list(wanted.values()), "now": tx.now}),
            (ACCOUNTS.owners_of_accounts, asked),
        )
        return owners

    for row in await world.database.transaction(work, name="claim_accounts"):
        merchant_id = wanted[(row.provider, row.account, row.mode)]
        if row.merchant_id != merchant_id:
            raise Conflict(
                f"the {row.mode} account {row.account!r} of {row.provider} is the merchant {row.merchant_id!r}'s, "
                f"and not {merchant_id!r}'s",
                code="account_taken",
                hint=f"Name the account otherwise (PAYONCE_{row.provider.upper()}_ACCOUNT, or account in its "
                "[[accounts]] table), or correct its merchant.",
            )
