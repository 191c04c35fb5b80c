"""`payonce findings`: what somebody must look at, and what they say about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from payonce.app import shapes_of_findings
from payonce.base import ids, money
from payonce.base.errors import Refused
from payonce.cli.common import AsJson, Limit, OrderOption, looking, who
from payonce.cli.common import Reason as NeededReason
from payonce.cli.saying import FINDINGS_EXIST, OK, say_json, say_line, say_rows
from payonce.domain.finding import KINDS
from payonce.domain.finding_life import Rest
from payonce.drivers.stepping import run_to_end
from payonce.settings_values import duration
from payonce.usecases.find_order import find_order
from payonce.usecases.handle_finding import (
    acknowledge_finding,
    assign_finding,
    ignore_finding,
    resolve_finding,
)
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.show_finding import show_finding

app = typer.Typer(help="Differences that somebody must resolve.", no_args_is_help=True)

FindingId = Annotated[str, typer.Argument(help="fnd_…")]
FreeReason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit.")]


@app.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help="open, acknowledged, ignored, regressed, resolved, or unresolved; else all.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind (`payonce findings kinds`).")] = None,
    severity: Annotated[str | None, typer.Option(help="critical, warning or notice.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only of this provider.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only what this team or person should look at.")] = None,
    order: OrderOption = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List findings, the newest first. Ends with 3 while one is not resolved, shown or not."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        order_id = run_to_end(find_order(world, merchant_id, order)) if order else None

        def listed(of_state: str | None, at_most: int) -> list[FindingView]:
            asked = list_findings(
                world, merchant_id, limit=at_most, state=of_state, kind=kind, severity=severity, provider=provider,
                owner=owner, order_id=order_id,
            )  # fmt: skip
            return run_to_end(asked)

        found = listed(state, limit)
        # What waits may be older than the page that is shown.
        is_waiting = bool(listed("unresolved", 1)) if state is None else any(each.state != "resolved" for each in found)
    if as_json:
        say_json([shapes_of_findings.finding_json(finding) for finding in found])
    else:
        say_rows(
            ["first seen", "finding", "kind", "severity", "state", "money", "count", "owner", "until", "order"],
            [
                (
                    each.first_seen_at, ids.show(ids.FINDING, each.id), each.kind, each.severity, _state(each),
                    _money(each), each.counted, each.owner, each.deadline_at,
                    ids.show(ids.ORDER, each.order_id) if each.order_id else None,
                )
                for each in found
            ],
            none="there are no findings",
        )  # fmt: skip
    raise typer.Exit(FINDINGS_EXIST if is_waiting else OK)


@app.command()
def show(finding: FindingId, as_json: AsJson = False) -> None:
    """Show a finding: what it means, how sure it is, the money, who should look until when, and what to do."""
    with looking() as engine:
        merchant_id, finding_id = engine.installation.merchant_id, ids.read(ids.FINDING, finding)
        found = run_to_end(show_finding(engine.world, merchant_id, finding_id))
    if as_json:
        say_json(shapes_of_findings.finding_json(found))
        return
    kind = KINDS[found.kind]
    say_line(f"{found.kind}  {found.severity}, {_state(found)}", "bold")
    say_line(f"{kind.means}; {_money(found)}")
    say_line(f"how sure: {kind.how_sure}")
    say_line(f"{found.owner} should {kind.next_step}, until {found.deadline_at:%Y-%m-%d %H:%M} UTC")
    say_line(f"seen {found.seen} times since {found.first_seen_at:%Y-%m-%d %H:%M} UTC, counts {found.counted}")
    for name, value in found.detail.items():
        say_line(f"  {name}: {value}")
    for each in shapes_of_findings.evidence_json(found.evidence):
        say_line(f"  {each['type']}: {each['id']}")
    for line in _told(found):
        say_line(line)


@app.command()
def kinds(as_json: AsJson = False) -> None:
    """List every kind of finding: what it means, and what to do."""
    if as_json:
        say_json([shapes_of_findings.kind_json(kind) for kind in KINDS.values()])
        return
    say_rows(
        ["kind", "severity", "owner", "means", "what to do"],
        [(kind.name, kind.severity, kind.owner, kind.means, kind.next_step) for kind in KINDS.values()],
    )


@app.command()
def ack(finding: FindingId, reason: FreeReason = "", as_json: AsJson = False) -> None:
    """Say that you look into it."""
    with looking() as engine:
        merchant_id, finding_id = engine.installation.merchant_id, ids.read(ids.FINDING, finding)
        _say(run_to_end(acknowledge_finding(engine.world, merchant_id, finding_id, who(), reason)), as_json)


@app.command()
def ignore(
    finding: FindingId,
    reason: NeededReason,
    during: Annotated[str | None, typer.Option("--for", help="For this time, like 24h.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Until this time (UTC).")] = None,
    more: Annotated[int | None, typer.Option(help="Until it counts so many more.")] = None,
    orders: Annotated[int | None, typer.Option(help="Until it is about so many more orders.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let it rest until the first end that comes; nobody is told of it before. At least one end is needed."""
    with looking() as engine:
        merchant_id, finding_id = engine.installation.merchant_id, ids.read(ids.FINDING, finding)
        rest = Rest(_end(engine.world.clock.now(), during, until), more, orders)
        _say(run_to_end(ignore_finding(engine.world, merchant_id, finding_id, who(), reason, rest)), as_json)


@app.command()
def assign(
    finding: FindingId,
    owner: Annotated[str, typer.Argument(help="A person or a team.")],
    reason: FreeReason = "",
    as_json: AsJson = False,
) -> None:
    """Give it to a person or a team."""
    with looking() as engine:
        merchant_id, finding_id = engine.installation.merchant_id, ids.read(ids.FINDING, finding)
        _say(run_to_end(assign_finding(engine.world, merchant_id, finding_id, who(), owner, reason)), as_json)


@app.command()
def resolve(finding: FindingId, reason: NeededReason, as_json: AsJson = False) -> None:
    """Say that nothing is left to do. Where that is not so, the next look finds it again."""
    with looking() as engine:
        merchant_id, finding_id = engine.installation.merchant_id, ids.read(ids.FINDING, finding)
        _say(run_to_end(resolve_finding(engine.world, merchant_id, finding_id, who(), reason)), as_json)


def _end(now: datetime, during: str | None, until: datetime | None) -> datetime | None:
    """The time that two ways of saying it name. Raises Refused `rest_invalid` for both, or for a time that is none."""
    if during is None:
        return until.replace(tzinfo=UTC) if until is not None and until.tzinfo is None else until
    if until is not None:
        raise Refused("say --for or --until, not both", code="rest_invalid", param="until")
    try:
        return now + duration(during)  # type: ignore[operator]
    except (ValueError, TypeError):
        said = "write a time as seconds or like 30m, 24h, 7d"
        raise Refused(said, code="rest_invalid", param="for") from None


def _told(finding: FindingView) -> list[str]:
    """Who did what with it, in sentences."""
    said = []
    if finding.acknowledged_by:
        said.append(f"acknowledged by {finding.acknowledged_by}")
    if finding.state == "ignored":
        ends = [
            f"until {finding.ignored_until:%Y-%m-%d %H:%M} UTC" if finding.ignored_until else "",
            f"until it counts {finding.ignored_until_counted}" if finding.ignored_until_counted is not None else "",
            f"until {finding.ignored_until_orders} orders" if finding.ignored_until_orders is not None else "",
        ]
        said.append(f"ignored by {finding.ignored_by} {' or '.join(filter(None, ends))}: {finding.ignored_why}")
    if finding.earlier_id:
        said.append(f"it came back: {ids.show(ids.FINDING, finding.earlier_id)} was resolved before")
    if finding.state == "resolved":
        said.append(f"resolved by {finding.resolved_by or 'payonce'}: {finding.resolved_why}")
    return said


def _say(finding: FindingView, as_json: bool) -> None:
    if as_json:
        say_json(shapes_of_findings.finding_json(finding))
        return
    say_line(f"{finding.kind} is {finding.state} now, owned by {finding.owner}")
    for line in _told(finding):
        say_line(line)


def _state(finding: FindingView) -> str:
    return f"{finding.state}, overdue" if finding.is_overdue and finding.state != "resolved" else finding.state


def _money(finding: FindingView) -> str:
    return money.show(finding.money_minor, finding.currency) if finding.currency and finding.money_minor else "-"
