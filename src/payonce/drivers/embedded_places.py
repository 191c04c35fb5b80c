"""Where the embedded server may live and as whom: its account, the way to its folders, its socket.

PostgreSQL refuses to run as root, so for root another account of the machine is borrowed; none is ever added. A Unix
socket's path has at most 107 bytes, so for a long data folder the socket lies in /tmp.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from payonce.base.errors import Refused

log = logging.getLogger(__name__)

# sun_path has 108 bytes on Linux and 104 on macOS, one of them a zero; `/.s.PGSQL.5432.lock` comes behind the folder.
_LONGEST_FOLDER: Final = 103 - len("/.s.PGSQL.5432.lock")
# The first of these that the machine has. `nobody` is on all of them.
_BORROWED: Final = ("payonce", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """The user that the server runs as."""

    name: str
    uid: int
    gid: int


def account_for(data: Path) -> Account:
    """The account that owns `data`, or is to own it: ourselves, or for root a borrowed one."""
    if os.geteuid() != 0:
        return Account(str(os.geteuid()), os.geteuid(), os.getegid())
    owner = data.stat().st_uid if data.exists() else 0
    names = (entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == owner) if owner else iter(_BORROWED)
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Refused(
        f"No account of this machine can run the database server whose data is in {data}.",
        code="embedded_server_account",
        hint="Run payonce as a normal user, or give the folder to one (chown).",
    )


def open_path(target: Path, account: Account) -> None:
    """For root only: let `account` pass through the folders above `target`. Only passing is granted, not listing."""
    if os.geteuid() != 0:
        return
    for folder in target.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH and folder.stat().st_uid != account.uid:
            log.warning("the database server runs as %s and has to pass through %s: chmod o+x", account.name, folder)
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def socket_folder(data: Path) -> Path:
    """Where the socket of the server of `data` lies: in it, or, where that is too long, in a folder named after it."""
    if len(os.fsencode(data)) <= _LONGEST_FOLDER:
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    # Not the temporary folder of the environment: a process with another one must find the same socket. It is made with
    # mode 0700, and its owner is checked.
    return Path(f"/tmp/payonce-{name}")  # nosec B108


def make_socket_folder(folder: Path, account: Account) -> None:
    """Make `folder` for `account` alone. Raises Refused when somebody else made it: they could answer in our place."""
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise Refused(
            f"{folder} is not a private folder of {account.name}.",
            code="embedded_server_socket",
            hint="Remove it, or choose a shorter PAYONCE_DATA_DIR.",
        )
