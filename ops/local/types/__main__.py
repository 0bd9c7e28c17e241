"""The launcher of the local AWS: registers the extra types and actions, then serves."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import sys
from typing import Any


def main() -> None:
    """`--table` prints the types as Markdown, `--fidelity` every mark as JSON; else serves until SIGTERM."""
    if sys.argv[1:] not in ([], ["--table"], ["--fidelity"]):
        sys.exit("usage: python -m ops.local.types [--table | --fidelity]")
    # Every interface is the server's default; nothing here may listen beyond the loopback.
    os.environ.setdefault("BIND_HOST", "127.0.0.1")
    # These two would do so whatever BIND_HOST says.
    os.environ |= {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s [%(name)s] %(message)s",
        # The table is all that its standard output holds.
        stream=sys.stderr if sys.argv[1:] else sys.stdout,
    )
    # Logging must be set up before the server's modules are imported.
    from ops.local.types import catalogue, fidelity, registry  # noqa: PLC0415

    catalogue.load()
    if sys.argv[1:]:
        sys.stdout.write((registry.table() if sys.argv[1:] == ["--table"] else fidelity.as_json()) + "\n")
        return
    registry.install()
    from ministack.app import main as serve  # noqa: PLC0415

    _end_when_served()
    serve()


def _end_when_served() -> None:
    """Ends the process once the server has shut down.

    A custom resource that still waits for its Lambda holds a thread for up to an hour, and the event loop
    waits for that thread: SIGTERM would not end the server.
    """
    server = importlib.import_module("hypercorn.asyncio")
    shipped = server.serve

    async def serve_and_end(*arguments: Any, **options: Any) -> None:
        await shipped(*arguments, **options)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(0)

    server.serve = serve_and_end  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
