"""What every server of the tests stands on: a loopback address of its own, and a life bound to the tests'."""

import ctypes
import itertools
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import BaseServer
from threading import Thread

LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_address_numbers = itertools.count()


def own_address() -> tuple[str, int]:
    """A loopback address of this test process and a free port on it."""
    block, number = divmod(next(_address_numbers), 250)
    assert block < 10, "127.60 to 127.69 are for these tests"
    host = f"127.{60 + block}.{os.getpid() % 250}.{number + 1}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return host, port


def die_with_parent() -> None:
    LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def until(condition: Callable[[], bool], what: str, patience: float = 30.0) -> None:
    """Wait for a condition of the outside world; fail with `what` when it never comes true."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """The server answers in a thread of its own, until the end of the block."""
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
