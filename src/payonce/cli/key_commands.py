"""`payonce keys`: who may call the API."""

from __future__ import annotations

from typing import Annotated

import typer

from payonce.cli.common import AsJson, looking
from payonce.cli.saying import say_json, say_line, say_note, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.usecases.api_keys import SCOPES, create_key, list_keys, revoke_keys

app = typer.Typer(help="Keys of the API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the key is for; it is revoked by this name.")]


@app.command()
def create(
    name: Name,
    scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; several times.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once: only its hash is stored."""
    scopes = tuple(scope or ("orders:write", "orders:read"))
    with looking() as engine:
        key = run_to_end(create_key(engine.world, engine.installation.merchant_id, name, scopes))
    if as_json:
        say_json({"name": name, "scopes": list(scopes), "key": key})
        return
    say_line(key)
    say_note(f"{name} may {', '.join(scopes)}; the key cannot be shown again")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List keys: their names and what they may do."""
    with looking() as engine:
        keys = run_to_end(list_keys(engine.world, engine.installation.merchant_id))
    if as_json:
        say_json(keys)
        return
    rows = [(key.name, ", ".join(key.scopes), key.created_at, key.revoked_at) for key in keys]
    say_rows(["name", "scopes", "created", "revoked"], rows, none="only the first key, of the settings")


@app.command()
def revoke(name: Name, as_json: AsJson = False) -> None:
    """End every key of that name. A running service forgets them within seconds."""
    with looking() as engine:
        revoked = run_to_end(revoke_keys(engine.world, engine.installation.merchant_id, name))
    if as_json:
        say_json({"revoked": revoked})
    else:
        say_line(f"{revoked} keys revoked")
