"""Jobs, their runs and their switches over REST: what runs by itself, and stopping it.

They belong to the whole installation and not to the merchant of a key, so they ask for a scope of their own.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import page_json
from payonce.api.shapes_of_jobs import job_json, run_json, shown_json, switch_json
from payonce.api.v1 import described
from payonce.api.v1.bodies_of_jobs import JobWish, SwitchWish
from payonce.api.v1.once import Answer, json_response, once
from payonce.api.v1.requests import PRINTABLE, Cursor, IdempotencyKey, JsonRoute, Limit, Supervisor
from payonce.base import ids
from payonce.usecases.list_jobs import list_changes, list_jobs, list_runs, list_switches, show_job, show_run
from payonce.usecases.pull_switch import pause, resume, retire, set_interval

router = APIRouter(route_class=JsonRoute, tags=["jobs"])
Name = Annotated[str, Path(min_length=1, max_length=60, pattern=PRINTABLE)]


@router.get("/jobs", response_model=described.JobList, responses=described.answers())
async def jobs(request: Request, key: Supervisor) -> Response:
    """List jobs: how each stands, when it last went well, and what stops it."""
    found = await list_jobs(edge_of(request).world)
    return json_response(200, page_json([job_json(each) for each in found], False))


@router.get("/jobs/{name}", response_model=described.ShownJob, responses=described.answers(404))
async def job(request: Request, name: Name, key: Supervisor) -> Response:
    """Read one job, and who changed what of it."""
    return json_response(200, await _shown(request, name))


@router.put("/jobs/{name}", response_model=described.ShownJob, responses=described.answers(400, 404, 409, 413, 415))
async def wish(
    request: Request, name: Name, body: JobWish, key: Supervisor, idempotency_key: IdempotencyKey = None
) -> Response:
    """Give a job another interval (null: the timetable's), retire it, or take it back into use; with a reason."""

    async def work() -> Answer:
        world, by = edge_of(request).world, f"api:{key.name}"
        if "every_seconds" in body.model_fields_set:
            await set_interval(world, name, body.every_seconds, by=by, reason=body.reason)
        if body.retired is not None:
            await retire(world, name, by=by, reason=body.reason, is_retired=body.retired)
        return 200, await _shown(request, name), None

    return await once(request, key, work, required=False)


@router.get("/jobs/{name}/runs", response_model=described.RunPage, responses=described.answers(404))
async def runs(
    request: Request, name: Name, key: Supervisor, limit: Limit = 20, starting_after: Cursor = None
) -> Response:
    """List runs of a job, the newest first. Those that found nothing are only counted, where a job comes often."""
    world = edge_of(request).world
    before = ids.read(ids.RUN, starting_after, param="starting_after") if starting_after else None
    await show_job(world, name)
    found = await list_runs(world, name, limit=limit + 1, before=before)
    return json_response(200, page_json([run_json(each) for each in found[:limit]], len(found) > limit))


@router.get("/runs/{run_id}", response_model=described.Run, responses=described.answers(404))
async def run(request: Request, run_id: str, key: Supervisor) -> Response:
    """Read one run."""
    return json_response(200, run_json(await show_run(edge_of(request).world, ids.read(ids.RUN, run_id))))


@router.get("/switches", response_model=described.SwitchList, responses=described.answers())
async def switches(request: Request, key: Supervisor) -> Response:
    """List switches that were ever pulled, and who left each as it is."""
    found = await list_switches(edge_of(request).world)
    return json_response(200, page_json([switch_json(each) for each in found], False))


@router.put("/switches/{name}", response_model=described.Switch, responses=described.answers(400, 404, 409, 413, 415))
async def switch(
    request: Request, name: Name, body: SwitchWish, key: Supervisor, idempotency_key: IdempotencyKey = None
) -> Response:
    """Stop a job, `all` background work, or `messages` to customers (but kinds in `allow`); or let it go on.

    It takes effect within one batch, in every process. A run that it stopped goes on when it is put back.
    """

    async def work() -> Answer:
        world, by = edge_of(request).world, f"api:{key.name}"
        if body.off:
            done = await pause(world, name, by=by, reason=body.reason, allow=body.allow)
        else:
            done = await resume(world, name, by=by, reason=body.reason)
        return 200, switch_json(done), None

    return await once(request, key, work, required=False)


async def _shown(request: Request, name: str) -> dict[str, object]:
    world = edge_of(request).world
    return shown_json(await show_job(world, name), await list_changes(world, name))
