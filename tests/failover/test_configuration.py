"""The Patroni configuration that is shipped is the one that is tested, and Patroni itself accepts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from payonce.drivers.embedded import binaries
from tests.failover.node import CONFIGURATION, ENVIRONMENT, SAMPLE, Node
from tests.failover.troubles import TROUBLES
from tests.project.tree import ROOT

PAGE = ROOT / "docs" / "high-availability.md"


def configuration() -> dict[str, Any]:
    """The file as Patroni reads it."""
    return dict(yaml.safe_load(CONFIGURATION.read_text("utf-8")))


def sample() -> dict[str, str]:
    """What `node.env` says, as a unit of systemd reads it."""
    lines = [line for line in SAMPLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_what_is_acknowledged_is_on_two_nodes_and_nobody_goes_on_alone() -> None:
    """S12: the settings that the guarantee rests on."""
    shared = configuration()["bootstrap"]["dcs"]
    assert shared["synchronous_mode"] is True and shared["synchronous_mode_strict"] is True
    assert shared["postgresql"]["parameters"]["synchronous_commit"] == "remote_apply"
    assert shared["postgresql"]["use_pg_rewind"] is True


def test_a_leader_gives_its_place_up_before_another_one_takes_it() -> None:
    """Patroni's own rule; where it does not hold Patroni changes the times by itself."""
    shared = configuration()["bootstrap"]["dcs"]
    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"]


def test_the_sample_of_a_node_names_what_the_tested_nodes_are_told(tmp_path: Path) -> None:
    assert sample().keys() == Node(1, tmp_path, "", {}).environment().keys()
    assert [name for name, value in sample().items() if name.endswith("PASSWORD") and value] == []


def test_patroni_accepts_the_file_with_the_sample_of_a_node(tmp_path: Path) -> None:
    """Its own validator asks whether etcd can be reached, so somebody has to listen there."""
    if not (ENVIRONMENT / "bin" / "patroni").exists():
        pytest.fail(f"Patroni is not installed in {ENVIRONMENT.name}: run `make setup-patroni`", pytrace=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = sample() | {
            "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{listener.getsockname()[1]}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(tmp_path / "data"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(binaries()),
        }
        told |= {name: "secret" for name in told if name.endswith("PASSWORD")}
        done = subprocess.run(
            [str(ENVIRONMENT / "bin" / "patroni"), "--validate-config", "--ignore-listen-port", str(CONFIGURATION)],
            cwd=tmp_path, env=told | {"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_page_says_what_is_tested() -> None:
    text = PAGE.read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == TROUBLES.keys()
    assert str(CONFIGURATION.relative_to(ROOT)) in text and str(SAMPLE.relative_to(ROOT)) in text
