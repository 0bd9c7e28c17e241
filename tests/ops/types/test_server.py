"""What the server of the local AWS opens to the machine it runs on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .conftest import start_server

LISTENS = "0A"
# 127.0.0.0/8 as /proc writes it: little-endian hexadecimal.
LOOPBACK = re.compile(r"[0-9A-F]{6}7F|0{24}0{7}1000000|0000000000000000FFFF0000[0-9A-F]{6}7F")


def _listening(pid: int) -> Iterator[str]:
    """Addresses, in hexadecimal, of the TCP sockets on which a process waits for connections."""
    opened = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENS and f"socket:[{inode}]" in opened:
                yield local


def test_nothing_beyond_the_loopback_reaches_the_server(tmp_path: Path) -> None:
    server, _ = start_server(tmp_path)
    try:
        sockets = list(_listening(server.pid))
    finally:
        server.terminate()
        server.wait(timeout=20)
    assert sockets
    assert [each for each in sockets if not LOOPBACK.fullmatch(each.partition(":")[0])] == []
