"""`payonce prove`: a counterexample to every invariant, if there is one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from payonce.base import ids
from payonce.cli.common import AsJson, looking
from payonce.cli.saying import FINDINGS_EXIST, OK, err, out, plain, say_json
from payonce.drivers.stepping import run_to_end
from payonce.usecases.prove import MOST_SHOWN, Proof, prove

_PREFIXES = {"order": ids.ORDER, "attempt": ids.ATTEMPT, "effect": ids.EFFECT, "entry": ids.ENTRY}


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("prove")(prove_command)


def prove_command(
    since: Annotated[datetime | None, typer.Option(help="Only what began from then on (UTC).")] = None,
    merchant: Annotated[str | None, typer.Option(help="Only this merchant.")] = None,
    limit: Annotated[int, typer.Option(help="How many counterexamples of each query to show.", min=1)] = MOST_SHOWN,
    as_json: AsJson = False,
) -> None:
    """Run every invariant on the database and print the counterexamples. Ends with 3 where there are any."""
    from_then = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    proofs: list[Proof] = []
    with looking() as engine:

        async def ask() -> None:
            with err.status("asking") as status:
                async for proof in prove(engine.world, merchant, since=from_then, limit=limit):
                    proofs.append(proof)
                    status.update(f"{proof.invariant.id} asked")
                    if not as_json:
                        _say(proof)

        run_to_end(ask())
    broken = [proof for proof in proofs if not proof.holds]
    if as_json:
        say_json({"holds": not broken, "invariants": [_shape(proof) for proof in proofs]})
    else:
        out.print(f"{len(proofs) - len(broken)} of {len(proofs)} invariants hold")
    raise typer.Exit(FINDINGS_EXIST if broken else OK)


def _say(proof: Proof) -> None:
    mark = "[green]holds[/green] " if proof.holds else "[red]BROKEN[/red]"
    out.print(f"{mark} [bold]{proof.invariant.id:<4}[/bold] {escape(proof.invariant.holds)}")
    for found in proof.counterexamples:
        out.print(f"         {escape(found.merchant_id)}  {readable(found.ref)}  {escape(found.detail)}")


def _shape(proof: Proof) -> dict[str, Any]:
    found = [plain(each) | {"ref": readable(each.ref)} for each in proof.counterexamples]
    return {"id": proof.invariant.id, "holds": proof.holds, "says": proof.invariant.holds, "counterexamples": found}


def readable(ref: str) -> str:
    """`order:<uuid>` as `ord_…`, which other commands take; what is no id stays as it is."""
    from uuid import UUID

    kind, _, value = ref.partition(":")
    try:
        return ids.show(_PREFIXES[kind], UUID(value))
    except (KeyError, ValueError):
        return ref
