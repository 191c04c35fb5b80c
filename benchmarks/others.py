"""The peers on the same server: their environment, their databases, their processes."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from benchmarks.letters import SECRET
from benchmarks.place import Place
from benchmarks.service import ROOT, Process, environment, free_port, running

PYTHON: Final = ROOT / ".venv-bench" / "bin" / "python"
ORM: Final = "bench_orm"
DJANGO: Final = "bench_django"
# The address of dj-stripe's endpoint (`peers/django_site.py`).
DJANGO_PATH: Final = "/stripe/webhook/0190f0a0-0000-7000-8000-000000000001/"
_ORM_ORDERS: Final = """
INSERT INTO orders (id, reference, amount_minor, currency, status)
SELECT n, 'R-' || n, 4500, 'USD', 'open' FROM generate_series(1, %s) AS n;
"""
_ORM_PAYMENTS: Final = """
INSERT INTO payments (id, order_id, stripe_payment_intent_id, status, received_minor)
SELECT n, n, 'pi_' || lpad(n::text, 24, '0'), 'requires_payment_method', 0 FROM generate_series(1, %s) AS n
"""


def prepare(place: Place, orders: int) -> None:
    """Make the peers' templates. Raises RuntimeError when their environment is not there (`make setup-bench`)."""
    if not PYTHON.exists():
        raise RuntimeError(f"there is no {PYTHON}; run `make setup-bench`")
    for name in (ORM, DJANGO):
        place.execute("CREATE DATABASE {}", f"{name}_template")
    _run(["-m", "benchmarks.peers.orm_service"], _orm(place, f"{ORM}_template"))
    for text in (_ORM_ORDERS, _ORM_PAYMENTS):
        place.rows(
            f"WITH made AS ({text.strip().rstrip(';')} RETURNING 1) SELECT count(*) FROM made",
            orders,
            database=f"{ORM}_template",
        )
    for table in ("orders", "payments"):
        place.execute("VACUUM (ANALYZE) {}", table, database=f"{ORM}_template")
    _run(["-m", "benchmarks.peers.django_site", "prepare"], _django(place, f"{DJANGO}_template", 9))


@contextmanager
def orm_service(place: Place, workers: int) -> Iterator[Process]:
    """The hand-written service, by uvicorn with uvloop and httptools."""
    place.fresh(f"{ORM}_template", ORM)
    port = free_port()
    words = [
        str(PYTHON), "-m", "uvicorn", "benchmarks.peers.orm_service:app", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning",
    ]  # fmt: skip
    with _folder() as folder, running(words, folder, _orm(place, ORM), port, "/ready") as process:
        yield process


@contextmanager
def django_site(place: Place, workers: int) -> Iterator[Process]:
    """dj-stripe, by gunicorn with four threads in each worker, beside a stand-in for Stripe."""
    place.fresh(f"{DJANGO}_template", DJANGO)
    port, stripe_port = free_port(), free_port()
    told = _django(place, DJANGO, stripe_port)
    words = [
        str(PYTHON), "-m", "gunicorn", "--workers", str(workers), "--worker-class", "gthread", "--threads", "4",
        "--keep-alive", "60", "--bind", f"127.0.0.1:{port}", "benchmarks.peers.django_site:application",
    ]  # fmt: skip
    stand_in = [str(PYTHON), "-m", "benchmarks.peers.stripe_stand_in", str(stripe_port)]
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        stack.enter_context(running(stand_in, folder, told, stripe_port, "/v1/account"))
        yield stack.enter_context(running(words, folder, told, port, "/"))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="payonce-bench-peer-") as folder:
        yield Path(folder)


def _orm(place: Place, database: str) -> dict[str, str]:
    host = quote(place.socket_folder, safe="")
    url = f"postgresql+asyncpg://payonce@/{database}?host={host}&port=5432"
    return _peer(DATABASE_URL=url)


def _django(place: Place, database: str, stripe_port: int) -> dict[str, str]:
    return _peer(PEER_DATABASE=database, PEER_HOST=place.socket_folder, PEER_STRIPE=f"http://127.0.0.1:{stripe_port}")


def _peer(**own: str) -> dict[str, str]:
    return environment(STRIPE_WEBHOOK_SECRET=SECRET, PYTHONDONTWRITEBYTECODE="1", **own) | {"PYTHONPATH": str(ROOT)}


def _run(words: list[str], told: dict[str, str]) -> None:
    done = subprocess.run([str(PYTHON), *words], env=told, cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a peer could not be prepared: {done.stderr[-2000:]}")
