"""Processes with their children: killed, stopped and let go on at once, as a machine that fails takes all of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress


def family(pid: int) -> list[int]:
    """`pid` and its children, itself first."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *(int(word) for word in listed.stdout.split())]


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each; those that are gone already are gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def naming(text: str) -> list[int]:
    """The processes whose command line names `text`: a folder that is one test's alone."""
    listed = subprocess.run(["ps", "-axo", "pid=,args="], capture_output=True, text=True, check=False).stdout
    rows = (line.split(None, 1) for line in listed.splitlines())
    return [int(row[0]) for row in rows if len(row) == 2 and text in row[1]]


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")
