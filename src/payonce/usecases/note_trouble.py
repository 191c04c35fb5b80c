"""Note that a job met an error with one order, so that a person sees it and the job goes on with the others."""

from __future__ import annotations

from uuid import UUID

from payonce.base.errors import PayonceError
from payonce.domain.finding import Finding
from payonce.store.database import Tx
from payonce.store.findings import write_findings
from payonce.usecases.world import World


async def note_trouble(world: World, merchant_id: str, order_id: UUID, job: str, error: PayonceError) -> None:
    """Write the finding `job_trouble` for the order, once for each job; seen again, it counts up."""
    finding_id = world.ids.new()

    async def work(tx: Tx) -> None:
        detail = {"job": job, "code": error.code, "message": error.message[:300]}
        finding = Finding(finding_id, "job_trouble", f"{job}:{order_id.hex}", order_id, 0, None, detail)
        write_findings(tx, merchant_id, [finding])

    await world.database.transaction(work, name="note_trouble")
