"""A lane: one job on its way in one process, batch by batch. A batch that fails is logged by its error's family.

Knows no event loop: a step is a coroutine that an event loop, the synchronous driver or a simulator drives. A step is
one batch, or one look at whether there is something to do; no error ends the lane. Of a scheduled job, whoever finds a
slot due takes its run, whichever process that is; a worker works in every process, and only looks at the switches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from payonce.base.errors import Bug, PayonceError
from payonce.domain import job_run
from payonce.jobs.guard import GuardedDatabase
from payonce.jobs.worker import Hand, Job, Ran
from payonce.usecases.count_run import close_breaker, count_run
from payonce.usecases.hold_run import Held, NotNow, end_run, leave_run, look_at_turn, renew_run, take_by_hand, take_turn
from payonce.usecases.keep_worker import EVERY, look_at_switches, write_worker
from payonce.usecases.register_jobs import register_jobs
from payonce.usecases.run_context import RunContext, RunLost, RunStopped
from payonce.usecases.trip_breaker import ArmedDatabase, trip_breaker

T = TypeVar("T")
log = structlog.get_logger(__name__)

# A batch that took up as many rows as it may is followed by the next one almost at once.
MORE_TO_DO_SECONDS: Final = 0.01
# How often a process looks for a changed interval, or for a run that somebody left: a fraction of a lease.
LONGEST_LOOK_SECONDS: Final = 20.0
# Processes with the same timetable drift apart: every pause is multiplied by a chance in [0.8, 1.2).
JITTER: Final = 0.4


@dataclass(slots=True)
class Lane:
    """One job on its way, for every merchant, remembered for health and metrics. `is_silent`: the process was told that
    no message to a customer may go out.
    """

    job: Job
    hand: Hand
    merchants: Sequence[str]
    is_silent: bool = False
    longest_look_seconds: float = LONGEST_LOOK_SECONDS
    steps: int = 0
    changed: int = 0
    messages: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    last_success_at: datetime | None = None
    last_error: str = field(default="")
    is_paused: bool = False
    held: Held | None = None
    _open: list[str] = field(default_factory=list)
    _worker: RunContext | None = None
    _worker_since: datetime | None = None
    _written_at: datetime | None = None
    _worked: bool = False
    _is_registered: bool = False
    # When it last ran, and the slots since then that it let pass because nothing was to be done.
    _shown_at: datetime | None = None
    _idle_slot: datetime | None = None
    _idle_looks: int = 0

    async def step(self) -> float:
        """Look, or work through one batch; how many seconds to pause before the next step."""
        self.steps += 1
        try:
            if not self._is_registered:
                await register_jobs(self.hand.world, [self.job.facts], only_new=True)
                self._is_registered = True
            pause = await (self._work() if self.job.is_worker else self._take_part())
        except RunLost:
            # Whoever has it goes on; here it is forgotten.
            log.warning("run_lost", job=self.job.name)
            self._forget()
            return self._about(self.job.every_seconds)
        except Exception as error:
            # Caught here and nowhere else in a job: this is its edge, and what comes next begins from the rows.
            self._failed("", error)
            return self._rest()
        return pause

    async def run_now(self, by: str) -> RunContext:
        """Run the job to its end because somebody asked for it, beside its slots. Raises Conflict `job_running`,
        `job_paused`, `job_retired`, and whatever ends it.
        """
        await register_jobs(self.hand.world, [self.job.facts], only_new=True)
        held = self._begin(await take_by_hand(self.hand.world, self.job.facts, by))
        while self.held is not None:
            await self._batch(held)
        return held.context

    async def leave(self) -> None:
        """Let another process go on with the run that is under way: this one stops."""
        held, worker = self.held, self._worker
        self._forget()
        try:
            if held is not None:
                await leave_run(self.hand.world, held)
            if worker is not None and self._worker_since is not None:
                await write_worker(self.hand.world, worker, self._worker_since, worked=self._worked, ended=True)
        except Exception as error:
            # Nothing is lost with it: leases end by themselves.
            self._failed("", error)

    async def _take_part(self) -> float:
        if self.held is not None:
            return await self._batch(self.held)
        if self.job.looks_first and not self._shall_show():
            pause = await self._pass_by()
            if pause is not None:
                return pause
        taken = await take_turn(self.hand.world, self.job.facts, self._idle_looks)
        if isinstance(taken, NotNow):
            return self._not_now(taken)
        self._shown_at, self._idle_looks = self.hand.world.clock.now(), 0
        return await self._batch(self._begin(taken))

    def _not_now(self, why: NotNow) -> float:
        self.is_paused, self.failures_in_a_row = why.stopped is not None, 0
        if self.is_paused:
            # Put back, it shows that it runs.
            self._shown_at = None
        return self._until_next(why.look_again_seconds)

    def _shall_show(self) -> bool:
        """Whether it is time to run although nothing may be due, so that its row shows that it does."""
        return self._shown_at is None or abs(self.hand.world.clock.now() - self._shown_at) >= EVERY

    async def _pass_by(self) -> float | None:
        """Let a slot pass in which nothing is to be done, without a word; None: something may be."""
        turn = await look_at_turn(self.hand.world, self.job.facts)
        if isinstance(turn, NotNow):
            return self._not_now(turn)
        if turn.run_id is not None or turn.slot_at is None or await self._would_do_something():
            return None
        now = self.hand.world.clock.now()
        if turn.slot_at != self._idle_slot:
            self._idle_slot, self._idle_looks = turn.slot_at, self._idle_looks + 1
        self._went_well()
        return self._until_next((turn.slot_at + timedelta(seconds=turn.every_seconds) - now).total_seconds())

    async def _would_do_something(self) -> bool:
        look = self.job.look
        if look is None:
            raise Bug(f"the job {self.job.name} looks first and has no look")
        hand = replace(self.hand, world=self.hand.world.for_looking())
        for merchant_id in self.merchants:
            if (await look(hand, merchant_id, 1)).rows:
                return True
        return False

    def _begin(self, held: Held) -> Held:
        self.held, self.is_paused = held, False
        self._open = list(self.merchants)
        return held

    async def _batch(self, held: Held) -> float:
        """Work through one batch of every merchant that has more, then keep or end the run."""
        context = held.context

        async def ask() -> None:
            if not await renew_run(self.hand.world, held):
                raise RunLost

        hand = self._hand_for(context, ask, held.lease_until - job_run.LEASE)
        before = context.failures
        for merchant_id in tuple(self._open):
            most = self._most(context)
            if most <= 0 or context.stop_because:
                break
            ran = await self._use(hand, context, merchant_id, most)
            if ran is None or ran.is_last(most):
                self._open.remove(merchant_id)
        context.batches += 1
        if self._open and self._most(context) <= 0 and not context.stop_because:
            enough = RunStopped("it took up as many rows as one run may", code="run_rows_cap")
            context.stop(await trip_breaker(hand.world, self._open[0], context, enough))
        is_going_on = self._open and not context.stop_because
        if is_going_on and not await renew_run(self.hand.world, held, succeeded=context.failures == before):
            raise RunLost
        if self._open and not context.stop_because:
            return MORE_TO_DO_SECONDS
        await count_run(self.hand.world, context, self.merchants)
        if context.is_armed and not context.stop_because and not context.failures:
            await close_breaker(self.hand.world, context, self.merchants)
        if not await end_run(self.hand.world, held, error=self.last_error if context.failures else ""):
            raise RunLost
        return self._ended(held)

    def _ended(self, held: Held) -> float:
        context = held.context
        self._forget()
        if context.stop_because:
            log.warning("run_stopped", job=self.job.name, run=str(context.run_id), reason=context.stop_because)
        if context.failures > held.failures_before:
            return self._rest()
        self._went_well()
        now = self.hand.world.clock.now()
        slot = job_run.slot_of(now, held.every_seconds, self.job.name)
        return self._until_next((slot + timedelta(seconds=held.every_seconds) - now).total_seconds())

    async def _work(self) -> float:
        """One step of a worker: nothing is claimed once a switch is pulled."""
        world = self.hand.world
        if self._worker is None:
            self._worker = RunContext(
                world.ids.new(),
                self.job.name,
                self.job.notify,
                self.job.most_messages,
                self.job.most_rows,
                is_worker=True,
            )
            self._worker_since = self._written_at = world.clock.now()
        context = self._worker
        looked = await look_at_switches(world, context, self.job.every_seconds)
        self.is_paused = isinstance(looked, NotNow)
        if isinstance(looked, NotNow):
            return self._until_next(looked.look_again_seconds)
        return await self._work_batch(context, looked)

    async def _work_batch(self, context: RunContext, every_seconds: float) -> float:
        world = self.hand.world

        async def ask() -> None:
            await look_at_switches(world, context, every_seconds)

        hand = self._hand_for(context, ask, world.clock.now())
        before, had = context.failures, context.taken
        has_more = False
        for merchant_id in self.merchants:
            if context.stop_because:
                break
            ran = await self._use(hand, context, merchant_id, self.job.at_most)
            has_more = has_more or (ran is not None and not ran.is_last(self.job.at_most))
        context.batches += context.taken > had
        self._worked = self._worked or context.taken > had
        is_first = had == 0 and context.taken > 0
        if is_first or self._written_at is None or abs(world.clock.now() - self._written_at) >= EVERY:
            error = self.last_error if context.failures > before else ""
            since = self._worker_since or world.clock.now()
            await write_worker(world, context, since, worked=self._worked, error=error)
            self._written_at, self._worked = world.clock.now(), False
        if context.failures > before:
            return self._rest()
        self._went_well()
        return MORE_TO_DO_SECONDS if has_more else self._about(every_seconds)

    async def _use(self, hand: Hand, context: RunContext, merchant_id: str, most: int) -> Ran | None:
        """One batch of one merchant, counted; None: it failed, and the others have their turn all the same."""
        try:
            ran = await self.job.use(hand, merchant_id, most)
        except RunLost:
            raise
        except RunStopped as stopped:
            context.stop(await trip_breaker(hand.world, merchant_id, context, stopped))
            return Ran()
        except Exception as error:
            context.failures += 1
            self._failed(merchant_id, error)
            return None
        context.taken += ran.taken
        context.changed += ran.changed
        context.messages += ran.messages
        self._succeeded(merchant_id, ran)
        return ran

    def _hand_for(self, context: RunContext, ask: Callable[[], Awaitable[None]], asked_at: datetime) -> Hand:
        """What the job is handed for a batch: the run it works for, and a database that asks whether it may go on."""
        context.is_silent = self.is_silent
        guard = GuardedDatabase(self.hand.world.database, self.hand.world.clock, ask, asked_at)
        armed = guard if self.job.is_worker else ArmedDatabase(guard, context, self.hand.world.breaker)
        return replace(self.hand, world=replace(self.hand.world, database=armed, run=context))

    def _most(self, context: RunContext) -> int:
        if self.job.most_rows is None:
            return self.job.at_most
        return min(self.job.at_most, self.job.most_rows - context.taken)

    def _forget(self) -> None:
        self.held, self._open, self._worker = None, [], None

    def _until_next(self, seconds: float) -> float:
        """Until the next slot, a little apart from other processes; often enough to see what changed meanwhile."""
        apart = min(self.job.every_seconds, LONGEST_LOOK_SECONDS) * JITTER / 2 * self.hand.world.chance.uniform()
        return min(max(seconds, MORE_TO_DO_SECONDS), self.longest_look_seconds) + apart

    def _about(self, seconds: float) -> float:
        return seconds * (1 - JITTER / 2 + JITTER * self.hand.world.chance.uniform())

    def _rest(self) -> float:
        self.failures_in_a_row += 1
        rest = self._about(job_run.rest_after(self.failures_in_a_row, self.job.every_seconds).total_seconds())
        # The rest of a scheduled job stands in its row, for all processes; here it is only looked for.
        return rest if self.job.is_worker else min(rest, self.longest_look_seconds)

    def _went_well(self) -> None:
        self.failures_in_a_row = 0
        self.last_success_at = self.hand.world.clock.now()

    def _succeeded(self, merchant_id: str, ran: Ran) -> None:
        self.changed += ran.changed
        self.messages += ran.messages
        if ran.taken:
            self.hand.observe(self.job.name, merchant_id, ran)
            log.info(
                "job_ran", job=self.job.name, merchant=merchant_id, taken=ran.taken, changed=ran.changed,
                messages=ran.messages, detail=ran.detail,
            )  # fmt: skip

    def _failed(self, merchant_id: str, error: Exception) -> None:
        self.failures += 1
        self.last_error = f"{type(error).__name__}: {error}"
        if isinstance(error, PayonceError):
            log.warning(
                "job_failed", job=self.job.name, merchant=merchant_id, family=type(error).__name__, code=error.code,
                reason=error.message, hint=error.hint,
            )  # fmt: skip
        else:
            log.error("job_failed", job=self.job.name, merchant=merchant_id, family="Bug", exc_info=error)
