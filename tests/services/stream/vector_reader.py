"""Looks at vectors in the cache over and over, from a thread, and notes when each was seen to be how new."""

import socket
import struct
import threading
import time
from array import array
from collections.abc import Sequence

import hiredis
from richesreach.core.layout import SHAPE

# Seconds between two looks: a figure is too large by so much at the most.
EVERY = 0.002
_ANSWER = len(f"${SHAPE.size}\r\n") + SHAPE.size + 2
_TIME = struct.Struct("<q")


class Watch:
    """`seen` has, by symbol, pairs of when a vector was read and as of which event time it was."""

    def __init__(self, host: str, port: int, symbols: Sequence[str]) -> None:
        self._connection = socket.create_connection((host, port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._question = hiredis.pack_command(("MGET", *map(SHAPE.key, symbols)))
        head = f"*{len(symbols)}\r\n"
        # The event time comes after the length line and the layout's number.
        first = len(head) + len(f"${SHAPE.size}\r\n") + 8
        self._places = [first + number * _ANSWER for number in range(len(symbols))]
        self._size = len(head) + len(symbols) * _ANSWER
        self.seen = [(array("q"), array("q")) for _ in symbols]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def open(self) -> None:
        """All vectors must be there by now."""
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join(10)
        self._connection.close()

    def _run(self) -> None:
        answer, latest = bytearray(self._size), [-1] * len(self.seen)
        view = memoryview(answer)
        while not self._ending.is_set():
            began = time.monotonic()
            self._connection.sendall(self._question)
            got = 0
            while got < self._size:
                got += self._connection.recv_into(view[got:])
            now = time.time_ns()
            for number, place in enumerate(self._places):
                (at,) = _TIME.unpack_from(answer, place)
                if at != latest[number]:
                    latest[number] = at
                    reads, times = self.seen[number]
                    reads.append(now)
                    times.append(at)
            self._ending.wait(max(0.0, EVERY - (time.monotonic() - began)))
