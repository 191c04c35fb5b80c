"""Troubles that are nobody's doing: hosts that die, a database that is away, clocks that jump. And the checks between.

Each is planned before the storm, at a time drawn by its name.
"""

from __future__ import annotations

from typing import Final

from payonce.simulation.checks import check_payable, check_tables
from payonce.simulation.hosts import Host
from payonce.simulation.people import HOUR
from payonce.simulation.scene import Scene
from payonce.simulation.scheduler import MICRO

# By then every table has its first rows.
LEARNS_AT_SECONDS: Final = 45.0
# Within this time nearly everything happens that has to do with people.
BUSY_SECONDS: Final = 250.0
CHECKS_IN_BETWEEN: Final = 3
JUMPS: Final = {120.0: 2.0, -120.0: 2.0, 3600.0: 1.0, -3600.0: 1.0}


def plan_troubles(scene: Scene) -> None:
    """Plan everything that happens to hosts and database."""
    scene.scheduler.at(int(LEARNS_AT_SECONDS * MICRO), "learn", scene.line.learn)
    _plan_outages(scene)
    for host in scene.hosts.values():
        _plan_kills(scene, host)
        _plan_clock(scene, host)
    for number in range(CHECKS_IN_BETWEEN):
        when = scene.draw.between(10.0, BUSY_SECONDS, "check", number)
        scene.scheduler.at(int(when * MICRO), "check", lambda: _check(scene))


def _check(scene: Scene) -> None:
    check_tables(scene)
    check_payable(scene)


def _plan_outages(scene: Scene) -> None:
    windows = []
    for number in range(3):
        name = scene.faults.strikes("D2", "database", f"outage {number}")
        if name:
            begins = scene.draw.between(5.0, BUSY_SECONDS, "begins", name)
            windows.append((begins, begins + scene.draw.between(2.0, 90.0, "lasts", name)))
    if windows:
        scene.line.is_away = lambda: any(begins <= scene.seconds < ends for begins, ends in windows)


def _plan_kills(scene: Scene, host: Host) -> None:
    for number in range(2):
        name = scene.faults.strikes("C4", host.name, f"killed {number}")
        if name:
            when = scene.draw.between(5.0, BUSY_SECONDS, "when", name)
            scene.scheduler.at(int(when * MICRO), f"kill {host.name}", lambda: _kill(scene, host))


def _kill(scene: Scene, host: Host) -> None:
    for actor in scene.scheduler.actors():
        if not scene.faults.are_off and actor.host == host.name:
            scene.scheduler.kill(actor)


def _plan_clock(scene: Scene, host: Host) -> None:
    apart = scene.faults.strikes("T1", host.name, "apart")
    if apart:
        host.apart = host.clock.offset = scene.draw.between(-2.0, 2.0, "apart by", apart)
    jump = scene.faults.strikes("T2", host.name, "jump")
    if jump:
        when = int(scene.draw.between(5.0, BUSY_SECONDS, "when", jump) * MICRO)
        lasts = int(scene.draw.between(10.0, HOUR, "lasts", jump) * MICRO)
        by = scene.draw.choose(JUMPS, "by", jump)
        scene.scheduler.at(when, f"clock {host.name}", lambda: _set(scene, host, by))
        scene.scheduler.at(when + lasts, f"clock {host.name}", lambda: _set(scene, host, 0.0))


def _set(scene: Scene, host: Host, jump: float) -> None:
    if not scene.faults.are_off:
        host.clock.offset = host.apart + jump
