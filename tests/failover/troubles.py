"""What befalls a cluster under load, by name, and how the test knows that the cluster noticed.

Each returns how an operator mends it. Before that, the service has to go on by itself; afterwards the cluster has to be
whole. All between is Patroni's matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from tests.failover.cluster import Cluster
from tests.failover.node import Node
from tests.support.waiting import until

# `ttl` of patroni.yml and a round more.
PLACE_SECONDS: Final = 25.0
# Called once the service has gone on: the machine comes back.
Mend: TypeAlias = Callable[[], None]


def nothing() -> None:
    """Nobody has to do anything."""


def kill_leader(cluster: Cluster) -> Mend:
    """D2: the leader's machine is gone: Patroni, PostgreSQL and all its processes at once."""
    leader = cluster.leader()
    leader.kill()
    _wait_for_another(cluster, leader)
    return leader.start


def kill_postgres(cluster: Cluster) -> Mend:
    """D2: PostgreSQL of the leader crashes, and its Patroni lives."""
    leader = cluster.leader()
    leader.kill_postgres()
    _wait_for_another(cluster, leader)
    return nothing


def freeze_leader(cluster: Cluster) -> Mend:
    """C3, D2: the leader hangs with open connections, and later goes on as if nothing had been."""
    leader = cluster.leader()
    leader.freeze()
    _wait_for_another(cluster, leader)
    return leader.thaw


def leave_two_primaries(cluster: Cluster) -> Mend:
    """D2: Patroni of the leader is killed, and its PostgreSQL runs on, unminded, beside the new leader's.

    Both may write, so nothing but the wait for a standby keeps the old one from acknowledging.
    """
    leader = cluster.leader()
    leader.kill_patroni()
    _wait_for_another(cluster, leader)
    until(lambda: len(cluster.primaries()) == 2, what="two that may write")
    return leader.start


def kill_standby(cluster: Cluster) -> Mend:
    """D4: the standby that is waited for is gone; COMMITs wait until Patroni takes the other one."""
    standby = cluster.synchronous()
    standby.kill()
    return standby.start


def switch_over(cluster: Cluster) -> Mend:
    """D3: an operator asks for another leader; COMMITs on their way are cut off by the old one's shutdown."""
    leader = cluster.leader()
    # Refused where Patroni just talks to a member of etcd that is silent; then one asks again.
    until(
        lambda: _is_replaced(cluster, leader) or (cluster.ask_for_another(leader) and _is_replaced(cluster, leader)),
        what=lambda: f"another leader: {cluster.seen()}",
    )
    return nothing


def silence_etcd_member(cluster: Cluster) -> Mend:
    """One member of etcd is cut off from everybody, and another leader is asked for meanwhile."""
    [silent, *_] = cluster.etcd.members
    silent.freeze()
    switch_over(cluster)
    return silent.thaw


def silence_etcd(cluster: Cluster) -> Mend:
    """All of etcd is cut off for longer than the leader's place is worth: it goes on, for all nodes see one another."""
    leader, expired = cluster.leader(), time.monotonic() + PLACE_SECONDS
    for member in cluster.etcd.members:
        member.freeze()
    until(lambda: time.monotonic() > expired and _is_failsafe(cluster), what="a leader that goes on without etcd")
    assert leader.is_primary(), cluster.seen()

    def thaw() -> None:
        for member in cluster.etcd.members:
            member.thaw()

    return thaw


TROUBLES: Final[dict[str, Callable[[Cluster], Mend]]] = {
    "kill_leader": kill_leader,
    "kill_postgres": kill_postgres,
    "freeze_leader": freeze_leader,
    "switch_over": switch_over,
    "kill_standby": kill_standby,
    "leave_two_primaries": leave_two_primaries,
    "silence_etcd_member": silence_etcd_member,
    "silence_etcd": silence_etcd,
}


def _wait_for_another(cluster: Cluster, leader: Node) -> None:
    until(lambda: _is_replaced(cluster, leader), what=lambda: f"another leader: {cluster.seen()}")


def _is_replaced(cluster: Cluster, leader: Node) -> bool:
    """Whether another node leads, in its own words and its PostgreSQL's."""
    others = (node for node in cluster.nodes if node is not leader)
    return any((node.ask("patroni") or {}).get("role") == "primary" and node.is_primary() for node in others)


def _is_failsafe(cluster: Cluster) -> bool:
    seen = (node.ask("patroni") or {} for node in cluster.nodes)
    return any(view.get("role") == "primary" and "failsafe_mode_is_active" in view for view in seen)
