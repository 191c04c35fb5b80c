"""The floor below every answer over HTTP: an application that does nothing, under the service's own server.

    python -m benchmarks.bare PORT

It reads the request and answers as many bytes as a status has. What is measured beside it cannot be faster on this
machine, with this server and this generator of load.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import uvicorn
import uvloop

from payonce.api.listening import BoundedHttp

_BODY: Final = b'{"payment": "' + b"x" * 500 + b'"}'
_HEAD: Final = {
    "type": "http.response.start", "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))],
}  # fmt: skip


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Read, and answer the same to everybody."""
    while (await receive()).get("more_body"):
        pass
    await send(_HEAD)
    await send({"type": "http.response.body", "body": _BODY})


def main(port: int) -> None:
    """Serve until told to stop."""
    config = uvicorn.Config(
        answer, host="127.0.0.1", port=port, http=BoundedHttp, lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False,
    )  # fmt: skip
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main(int(sys.argv[1]))
