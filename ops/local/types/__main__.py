"""The launcher of the local AWS: registers the extra types and actions, then serves."""

from __future__ import annotations

import logging
import os
import sys


def main() -> None:
    """`--table` prints the types as Markdown; without it, serves until SIGTERM."""
    if sys.argv[1:] not in ([], ["--table"]):
        sys.exit("usage: python -m ops.local.types [--table]")
    # Every interface is the server's default; nothing here may listen beyond the loopback.
    os.environ.setdefault("BIND_HOST", "127.0.0.1")
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s [%(name)s] %(message)s",
        # The table is all that its standard output holds.
        stream=sys.stderr if sys.argv[1:] else sys.stdout,
    )
    from ops.local.types import catalogue, registry  # noqa: PLC0415 - logging must be set up before the server's import

    catalogue.load()
    if sys.argv[1:]:
        sys.stdout.write(registry.table() + "\n")
        return
    registry.install()
    from ministack.app import main as serve  # noqa: PLC0415

    serve()


if __name__ == "__main__":
    main()
