"""Work that would hold the event loop up, in processes of its own: few, started when first needed.

A process is `python -m <module>`, which reads requests from its input and writes answers to its output, one
after the other, each as four bytes of length and so many bytes. It is a fresh interpreter: nothing of this
process (threads of the stream's client, open connections) is in it twice, and it can be ended in the midst of
a computation, which a thread cannot.
"""

import asyncio
import contextlib
import os
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from richesreach.core.logs import logger
from richesreach.core.resilience.deadline import allowed

_LENGTH = struct.Struct(">I")
#: Beyond its deadline, in which a process that keeps its own still answers.
GRACE = 0.5
#: The folder that holds the package: a process must find it wherever this one was started.
PACKAGES = str(Path(__file__).resolve().parents[3])


class WorkError(Exception):
    """The work could not be done; the text is for the caller."""


class BusyError(WorkError):
    """All processes work and enough requests wait."""


class TooLongError(WorkError):
    """The work was not done in time, and its process was ended."""


class BrokenError(WorkError):
    """The process ended in the midst of the work."""


class Processes:
    """At most `size` processes of `module`, and `waiting` requests that wait for one."""

    def __init__(self, module: str, *, size: int, waiting: int) -> None:
        self._module = module
        self._places = asyncio.Semaphore(size)
        self._most = size + waiting
        self._here = 0
        self._idle: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def ask(self, request: bytes, seconds: float) -> bytes:
        """The answer of a process, within `seconds` from now or the caller's own deadline.

        Raises BusyError, TooLongError, BrokenError and DeadlineExceededError.
        """
        if self._here >= self._most:
            raise BusyError("Too many of these are under way. Try again in a few seconds.")
        self._here += 1
        try:
            async with asyncio.timeout(allowed(seconds) + GRACE), self._places, self._process() as process:
                return await _exchange(process, request)
        except TimeoutError as error:
            raise TooLongError(f"It takes longer than the {seconds:g} s that it may.") from error
        finally:
            self._here -= 1

    async def close(self) -> None:
        """End all of them; they hold nothing that could be lost."""
        for process in self._all:
            _kill(process)
        await asyncio.gather(*(process.wait() for process in self._all))
        self._all.clear()
        self._idle.clear()

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """One that is idle, or a new one. What interrupts its work ends it: half an answer may be in it."""
        process = await self._take()
        try:
            yield process
        except BaseException:
            _kill(process)
            self._all.discard(process)
            raise
        self._idle.append(process)

    async def _take(self) -> asyncio.subprocess.Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            self._all.discard(process)
        found_in = os.pathsep.join(filter(None, (PACKAGES, os.environ.get("PYTHONPATH"))))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": found_in},
        )
        self._all.add(process)
        logger().info("task_process_started", module=self._module, pid=process.pid)
        return process


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise BrokenError("The process has no pipes.")
    try:
        process.stdin.writelines((_LENGTH.pack(len(request)), request))
        await process.stdin.drain()
        (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
        return await process.stdout.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        logger().error("task_process_ended", pid=process.pid)
        raise BrokenError("The computation broke off.") from error


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def read_request(source: BinaryIO) -> bytes | None:
    """In the process: the next request, None where nobody is left to ask."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = source.read(length)
    return body if len(body) == length else None


def write_answer(target: BinaryIO, answer: bytes) -> None:
    """In the process: what was asked for."""
    target.write(_LENGTH.pack(len(answer)) + answer)
    target.flush()
