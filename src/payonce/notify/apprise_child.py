"""One message through apprise, in a process of its own: read from standard input, the outcome on standard output.

apprise answers yes or no, and a no may be a refusal or a silence; it may also wait for longer than anybody should. Here
every call that it makes is watched, so that the three are told apart, and the process can be given up on. Nothing of
the library is loaded into the service itself, and no address stands in a command line.
"""

from __future__ import annotations

import json
import logging
import smtplib
import sys
from collections.abc import Iterable
from typing import Any, Final, Literal

Seen = Literal["accepted", "refused", "never_left", "silent"]
# Written before anything is sent: who is given up on before that has told nobody.
BEGUN: Final = "begun"


class Watched:
    """What became of each call, in order, and what the last refusal said."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.words = ""

    def note(self, what: Seen, words: str = "") -> None:
        """Note one call."""
        self.seen.append(what)
        self.words = words or self.words


def watch(watched: Watched) -> None:
    """Watch every HTTP call and every mail of this process."""
    import requests
    import urllib3.exceptions as below

    session_class: Any = requests.Session
    smtp_class: Any = smtplib.SMTP
    sends = session_class.send
    # What fails before a request is on its way; urllib3 wraps some of them in others.
    early = (below.NewConnectionError, below.ConnectTimeoutError, below.NameResolutionError, below.SSLError)

    def send(session: Any, request: Any, **more: Any) -> Any:
        try:
            answer = sends(session, request, **more)
        except requests.RequestException as error:
            watched.note("never_left" if _is_early(error, early) else "silent", type(error).__name__)
            raise
        is_taken = 200 <= answer.status_code < 300
        # What a receiver says may repeat its address, which holds its secret; the status says enough.
        watched.note("accepted" if is_taken else "refused", str(answer.status_code))
        return answer

    session_class.send = send
    mails, connects = smtp_class.sendmail, smtp_class.connect

    def sendmail(server: Any, *given: Any, **more: Any) -> Any:
        try:
            answer = mails(server, *given, **more)
        except smtplib.SMTPResponseException as error:
            watched.note("refused", str(error.smtp_code))
            raise
        except smtplib.SMTPRecipientsRefused:
            watched.note("refused", "the recipients were refused")
            raise
        except Exception as error:
            watched.note("silent", type(error).__name__)
            raise
        watched.note("accepted")
        return answer

    def connect(server: Any, *given: Any, **more: Any) -> Any:
        try:
            return connects(server, *given, **more)
        except Exception as error:
            watched.note("never_left", type(error).__name__)
            raise

    smtp_class.sendmail, smtp_class.connect = sendmail, connect


def outcome_of(said_yes: bool, seen: Iterable[Seen]) -> Literal["accepted", "refused", "unknown"]:
    """The outcome: a no is clear only where every call was refused or never left."""
    if said_yes:
        return "accepted"
    calls = set(seen)
    return "refused" if calls and calls <= {"refused", "never_left"} else "unknown"


def _is_early(error: BaseException, early: tuple[type[BaseException], ...]) -> bool:
    """Whether the call failed while it connected."""
    chain: list[object] = [error, *error.args, getattr(error.args[0], "reason", None) if error.args else None]
    return any(isinstance(each, early) for each in chain)


def _instance(url: str) -> Any:
    import apprise

    # Some of its services log addresses; nothing of it is ours to print.
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    logging.getLogger("apprise").propagate = False
    return apprise.Apprise.instantiate(url)


def main() -> None:
    """Tell one message, or with `check` only look whether the address is one."""
    asked = json.load(sys.stdin)
    service = _instance(asked["url"])
    if service is None or asked.get("check"):
        _say("refused" if service is None else "accepted", "apprise knows no such address" if service is None else "")
        return
    import apprise

    watched = Watched()
    watch(watched)
    sys.stdout.write(f"{BEGUN}\n")
    sys.stdout.flush()
    alerts = apprise.Apprise()
    alerts.add(service)
    try:
        said_yes = bool(alerts.notify(title=asked["title"], body=asked["body"], notify_type=asked["type"]))
    except Exception as error:
        watched.note("silent", type(error).__name__)
        said_yes = False
    _say(outcome_of(said_yes, watched.seen), watched.words)


def _say(outcome: str, words: str) -> None:
    sys.stdout.write(json.dumps({"outcome": outcome, "words": words}) + "\n")


if __name__ == "__main__":
    main()
