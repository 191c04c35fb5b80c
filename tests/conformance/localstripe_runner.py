"""Runs localstripe on a free port of the loopback interface. Executed by the Python of `.venv-localstripe`.

It imports nothing of payonce: localstripe is under the GPL and stays a program of its own. Its own command would listen
on all interfaces and keep its objects in a file that all runs share. It ends when its standard input is closed, so
that it never outlives the test run that started it.
"""

import os
import socket
import sys
import threading

from aiohttp import web
from localstripe.resources import store  # type: ignore[import-not-found]
from localstripe.server import app  # type: ignore[import-not-found]


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


store.dump_to_disk = lambda: None
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=_end_with_parent, daemon=True).start()
web.run_app(app, sock=listener, print=None, access_log=None)
