"""One run: one seed, played from an empty database to the end, and what came of it.

A storm in which everything goes wrong, a calm in which it must settle, people who only want to pay, a day after which
nothing may hang, and some more until all money is where it belongs. The same seed gives the same trace, always.
`stories` and `faults` make a run smaller: only these stories are told, only these faults happen; everything else stays
as it was.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from payonce.base.ids import Ids
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.drivers.pipeline import Pipeline
from payonce.providers.contract import Adapter
from payonce.providers.gateway import ProviderTill
from payonce.simulation.cashier import let_decide
from payonce.simulation.checks import check_payable, check_tables
from payonce.simulation.database import Boundaries, OneLine, database_of
from payonce.simulation.day import ANY, day_of
from payonce.simulation.draw import Draw, NamedChance
from payonce.simulation.faults import Faults
from payonce.simulation.goods import Goods, goods_of
from payonce.simulation.hosts import Host, HostClock
from payonce.simulation.liveness import Willing, check_settled, check_unstuck
from payonce.simulation.operator import operate
from payonce.simulation.people import HOUR, MINUTE
from payonce.simulation.post import Post
from payonce.simulation.provider import SECRET, Around
from payonce.simulation.providers import Providers, sides_of
from payonce.simulation.receiver import KINDS, Receiver
from payonce.simulation.refund_witness import RefundWitness
from payonce.simulation.returned import check_returned, compare_refunds
from payonce.simulation.risks import check_gone, check_risks
from payonce.simulation.scene import Lost, Scene, Violation
from payonce.simulation.scheduler import MICRO, Actor, Scheduler, Stopped
from payonce.simulation.server import empty
from payonce.simulation.storekeeper import check_goods, check_paid_out, check_shares, fill_up, keep_store
from payonce.simulation.stories import CURRENCIES, tell
from payonce.simulation.till import Till
from payonce.simulation.together import Together
from payonce.simulation.troubles import plan_troubles
from payonce.simulation.truth import compare, rows
from payonce.simulation.workers import LONGEST_PACE, Workers
from payonce.usecases.world import World

MERCHANT: Final = "default"
# Each adapter is made with this account, and with the secret that its letters are signed with.
ACCOUNT: Final = "main"
# Where providers that are told so with every payment send their letters.
PUBLIC_URL: Final = "http://shop.invalid"
WEB: Final = ("web-1", "web-2")
WORKERS: Final = ("worker-1", "worker-2")
# How many stories a seed tells: enough that they meet, few enough that a seed takes a second.
STORIES: Final = 60
# The longest storm: several visits with a day between them.
STORM_SECONDS: Final = 200 * HOUR
SETTLES_WITHIN: Final = 15 * MINUTE
# A short storm ends while old attempts and orders are still there; a long one goes past every age.
# A refund is tried three times within two days, and banks decide within about three.
RETURNS_WITHIN: Final = 100 * HOUR
# How many of the seeds the monitor looks in: one look is more than a dozen transactions.
MONITORED: Final = 0.25
LONGEST_GAPS: Final = {40 * MINUTE: 3.0, 2 * HOUR: 1.0, 25 * HOUR: 2.0}

# Low limits of refunds are a few of the usual orders.
USUAL_AMOUNT: Final = 4500

# An account that a run pays through, made from the secret that its letters are signed with.
AdapterOf = Callable[[str], Adapter]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    seed: int
    day: str
    # The accounts that its merchant had.
    providers: tuple[str, ...]
    orders: int
    violations: tuple[Violation, ...]
    faults: Counter[str]
    # The names of all faults that happened, for making the run smaller.
    happened: tuple[str, ...]
    stories: tuple[str, ...]
    arrows: Counter[tuple[str, str, str, str]]
    counts: Counter[str]
    digest: str
    steps: int
    virtual_seconds: float
    real_seconds: float
    trace: tuple[str, ...] = field(repr=False, default=())


def play(
    seed: int,
    line: Pipeline,
    adapters_of: AdapterOf | Sequence[AdapterOf],
    *,
    stories: Collection[str] | None = None,
    faults: Collection[str] | None = None,
    size: int = STORIES,
    day: str = ANY,
    keep_trace: bool = False,
    stops_at_first: bool = False,
    at_end: Callable[[Scene], None] = lambda scene: None,
) -> Outcome:
    """Play one seed on the database behind `line`, which is emptied first; with `stops_at_first` only up to the first
    violation. Of several adapters the seed draws those that its merchant has.
    `at_end` may look at the scene, or play on, when all is over.
    """
    began = time.perf_counter()
    empty(line)
    makers = [adapters_of] if callable(adapters_of) else adapters_of
    scene, posts, workers, witness = _stage(seed, line, makers, faults, day)
    scene.stops_at_first = stops_at_first
    try:
        with suppress(Stopped):
            _play(scene, posts, workers, witness, size, stories)
        scene.line.bury()
        at_end(scene)
        arrows: Counter[tuple[str, str, str, str]] = Counter()
        for row in rows(scene, "arrows"):
            arrows[row.subject, row.source, row.event, row.target] += row.steps
            if row.target == "abandoned":
                scene.faults.saw("P4")
        return Outcome(
            seed, scene.day.name, tuple(side.name for side in scene.providers), len(rows(scene, "orders")),
            tuple(scene.violations), scene.faults.counts,
            tuple(scene.faults.happened), tuple(scene.stories), arrows, scene.counts, scene.scheduler.digest(),
            scene.scheduler.steps, scene.seconds, time.perf_counter() - began,
            tuple(scene.scheduler.trace) if keep_trace or scene.violations else (),
        )  # fmt: skip
    finally:
        scene.line.bury()
        scene.scheduler.close()


def _play(
    scene: Scene,
    posts: Sequence[Post],
    workers: Workers,
    witness: RefundWitness,
    size: int,
    stories: Collection[str] | None,
) -> None:
    tell(scene, size, stories)
    plan_troubles(scene)
    keep_store(scene, size)
    workers.start()
    operate(scene)
    let_decide(scene)
    for post in posts:
        post.watch()
    scene.scheduler.run(int(STORM_SECONDS * MICRO))
    scene.faults.end()
    scene.providers.end_faults()
    for host in scene.hosts.values():
        host.clock.offset = 0.0
    scene.scheduler.note("calm")
    fill_up(scene)
    _settle(scene, workers, witness)
    operate(scene, rounds=1)
    let_decide(scene, rounds=1)
    _let_pay(scene, workers, witness, "willing")
    _pass(scene, workers, 25 * HOUR, 5 * HOUR)
    _pass(scene, workers, 30 * MINUTE, 5 * MINUTE)
    check_unstuck(scene)
    _let_pay(scene, workers, witness, "willing later")
    let_decide(scene, rounds=1)
    _pass(scene, workers, RETURNS_WITHIN, 5 * HOUR)
    _settle(scene, workers, witness)
    check_returned(scene)
    check_paid_out(scene)
    check_gone(scene)


def _settle(scene: Scene, workers: Workers, witness: RefundWitness) -> None:
    """Quarter of an hour in which nothing goes wrong, and what must be so then."""
    _pass(scene, workers, SETTLES_WITHIN, 3 * MINUTE)
    check_settled(scene)
    check_tables(scene)
    check_payable(scene)
    compare(scene)
    compare_refunds(scene, witness)
    check_goods(scene)
    check_shares(scene)
    check_risks(scene)


def _let_pay(scene: Scene, workers: Workers, witness: RefundWitness, name: str) -> None:
    """Let everybody come who has not paid yet, and see that nobody is turned away."""
    paid = {row.purpose for row in rows(scene, "orders") if row.state == "paid"}
    for story in scene.stories.values():
        if story.purpose in paid:
            continue
        person = Willing(scene, story, name)
        scene.scheduler.spawn(person.key, story.key, "", person.come())
    scene.scheduler.run(scene.scheduler.now + int(HOUR * MICRO))
    _settle(scene, workers, witness)


def _pass(scene: Scene, workers: Workers, seconds: float, at_a_time: float) -> None:
    """Let time pass; the workers look at least this often."""
    end = scene.scheduler.now + int(seconds * MICRO)
    if at_a_time >= HOUR:
        at_a_time *= min(scene.providers.pace, LONGEST_PACE)
    while scene.scheduler.now < end:
        workers.wake_now()
        scene.scheduler.run_all(min(end, scene.scheduler.now + int(at_a_time * MICRO)))


def _stage(
    seed: int, line: Pipeline, makers: Sequence[AdapterOf], only: Collection[str] | None, asked: str
) -> tuple[Scene, list[Post], Workers, RefundWitness]:
    draw = Draw(seed)
    day = day_of(draw, asked)
    faults, scheduler = Faults(draw, only, day), Scheduler()
    boundaries, one = Boundaries(scheduler, draw, faults), OneLine(line)
    goods = goods_of(draw)
    around = Around(draw, faults, scheduler, boundaries, {})
    made = [make(SECRET) for make in makers]
    adapters = {adapter.provider: adapter for adapter in made}
    scene = Scene(
        seed, day, MERCHANT, draw, faults, scheduler, one, boundaries,
        Providers(around, sides_of(draw, around, [*adapters])),
        Receiver(draw, faults, scheduler),
        _policy(draw, goods), goods, draw.happens(MONITORED, "monitor looks"), {}, around.stories,
        draw.choose(LONGEST_GAPS, "longest gap"),
    )  # fmt: skip
    flows = {(side.name, ACCOUNT): draw.choose(side.flows, *side.place_of_flow) for side in scene.providers}
    for name in (*WEB, *WORKERS):
        scene.hosts[name] = _host(scene, name, adapters, flows)
    posts = []
    for side in scene.providers:
        posts.append(Post(scene, side))
        side.party.on_news = posts[-1].watch
    workers = Workers(scene, [scene.hosts[name] for name in WORKERS], scene.receiver.handlers())
    witness = RefundWitness(scene)
    if not faults.rates["T2"]:
        around.on_calls_beside = lambda who, detail: scene.break_promise("one caller", who, detail)
        around.on_old_key = lambda who, detail: scene.break_promise("S9", who, detail)
    around.on_made_unasked = lambda who, detail: scene.break_promise("S16", who, detail)
    around.on_standing = workers.send_another
    boundaries.on_commit = lambda actor, name: _committed(workers, witness, actor, name)
    scheduler.on_death = lambda actor: _died(scene, workers, actor)
    scheduler.on_failure = lambda actor: _failed(scene, actor)
    return scene, posts, workers, witness


def _host(scene: Scene, name: str, adapters: Mapping[str, Adapter], flows: Mapping[tuple[str, str], str]) -> Host:
    clock, chance = HostClock(scene.scheduler), NamedChance(scene.draw, name)
    database = database_of(scene.line, scene.boundaries, clock, chance)
    tills = {(side.name, ACCOUNT): ProviderTill(adapters[side.name], Till(side, clock)) for side in scene.providers}
    world = World(
        database, clock, Ids(clock, chance), chance, tills, dict.fromkeys(tills, MERCHANT), list(KINDS), scene.policy,
        flows, public_url=PUBLIC_URL,
    )  # fmt: skip
    host = Host(name, clock, world)
    if scene.draw.happens(scene.day.groups, "clicks come in groups", name):
        host.world = replace(world, together=_together(scene, host))
    return host


def _together(scene: Scene, host: Host) -> Together:
    def hand(key: str, story: str) -> World:
        return host.hand(scene.draw, key, scene.made, story)

    def note(clicks: int) -> None:
        scene.counts["clicks decided together"] += clicks > 1

    return Together(scene.scheduler, host.name, scene.day.click_seconds, hand, note)


def _policy(draw: Draw, goods: Goods) -> Policy:
    return Policy(
        strategy=draw.choose({"reuse": 3.0, "attempt": 1.0, "window": 1.0}, "strategy"),
        close_after=timedelta(hours=draw.choose({24: 2.0, 2: 1.0}, "close after")),
        # So that what cannot be read is quarantined before the run ends.
        event_tries=10,
        surplus=_surplus_policy(draw),
        payout_threshold_minor=dict.fromkeys(CURRENCIES, goods.threshold_minor) if goods.threshold_minor else {},
    )


def _surplus_policy(draw: Draw) -> SurplusPolicy:
    """Mostly as it is by default; sometimes money is held, and sometimes the limits are so low that plans are made."""
    usual = SurplusPolicy()
    is_low = draw.happens(0.3, "low limits")
    low = dict.fromkeys(usual.refund_at_most_minor, 4 * USUAL_AMOUNT)
    return SurplusPolicy(
        second=draw.choose({"refund": 9.0, "hold": 1.0}, "second"),
        over=draw.choose({"refund": 9.0, "hold": 1.0}, "over"),
        late=draw.choose({"revive": 7.0, "refund": 2.0, "hold": 1.0}, "late"),
        late_else=draw.choose({"refund": 9.0, "hold": 1.0}, "late else"),
        unfinished=draw.choose({"refund": 9.0, "hold": 1.0}, "unfinished"),
        unfinished_after=timedelta(hours=draw.choose({72: 1.0, 2: 2.0}, "unfinished after")),
        refund_at_most_minor=low if is_low else usual.refund_at_most_minor,
        refund_a_day_minor=low if draw.happens(0.3, "low limit of a day") else usual.refund_a_day_minor,
    )


def _committed(workers: Workers, witness: RefundWitness, actor: Actor, name: str) -> None:
    witness.committed(actor, name)
    if workers.families.lane_of(actor) not in workers.lanes:
        workers.wake()


def _failed(scene: Scene, actor: Actor) -> None:
    """A person of the harness who cannot go on checks nothing any more; what our hosts answer is somebody else's."""
    if not actor.host and actor.error is not None and not isinstance(actor.error, Lost):
        scene.report(actor.error, actor.key)


def _died(scene: Scene, workers: Workers, actor: Actor) -> None:
    scene.line.bury()
    if not workers.families.is_call(actor):
        scene.deaths[actor.story] += 1
        if scene.deaths[actor.story] > 1:
            scene.faults.saw("C2")
    workers.revive(actor)
