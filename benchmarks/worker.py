"""A worker of an application: an engine with one transactional effect, whose handler writes a row, until SIGTERM.

python -m benchmarks.worker DSN
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks.letters import API_KEY, SECRET
from benchmarks.service import NOWHERE_API, only
from payonce.accounts import Stripe
from payonce.engine import Payonce
from payonce.installation import Installation
from payonce.usecases.effect_handlers import EffectCall

KIND = "benched"


async def _work(dsn: str) -> None:
    account = Stripe(api_key=API_KEY, webhook_secrets=[SECRET], api_base=NOWHERE_API)
    engine = Payonce(
        installation=Installation(database_url=dsn, data_dir=Path.cwd(), accounts=(account,), jobs=only("deliver"))
    )

    @engine.effect(KIND, transactional=True)
    async def benched(effect: EffectCall, connection: Any) -> None:
        await connection.execute("INSERT INTO bench_done (key) VALUES (%s)", (effect.key,))

    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with engine:
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))
