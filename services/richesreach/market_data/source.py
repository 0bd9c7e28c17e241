"""The contract of a source, and what keeps one going: connect, listen, wait, connect again.

idle ── run ──> disabled                       no key, or not for this environment; nothing is asked
          └───> connecting ──> live            as soon as it has said anything
                   ^   │        │
                   └─ back-off <┘              cut, throttled, or garbage: waits, longer each time
                       └─────────> failed      the key or the plan is refused: no further try
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from richesreach.core.logs import logger
from richesreach.core.vendors.errors import SourceError, SourceRefusedError, SourceThrottledError
from richesreach.core.vendors.pace import Backoff, Pace
from richesreach.market_data.model import About, Record, Rejection, State

# Seconds that a connection must have lasted before the next failure counts as the first.
STEADY = 30.0
Take = Callable[[Sequence[Record]], Awaitable[None]]
Reject = Callable[[Rejection], None]
# What is told when it is live again: when it was heard last (0: never yet) and now, in Unix nanoseconds.
Back = Callable[[int, int], None]


class Adapter(Protocol):
    """One vendor's protocol.

    `records` connects and yields what the vendor says, until the connection ends: it raises SourceError, and
    never returns while there is more to come. What it cannot take it gives to `reject` and goes on. The next
    message is read when it is asked for, so that a slow reader slows the vendor down and nothing piles up. An
    empty list says that the vendor answers, and has nothing new.
    """

    @property
    def about(self) -> About: ...

    def records(self, pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a source is, for those who operate it. Times are Unix nanoseconds; `heard` None: never yet."""

    name: str
    licence: str
    state: State
    why: str
    since: int
    heard: int | None
    connections: int
    records: int
    rejected: Mapping[str, int]


def unheard(about: About, state: State, why: str) -> Report:
    """Of a source that nothing runs."""
    return Report(
        name=about.name,
        licence=about.licence,
        state=state,
        why=why,
        since=0,
        heard=None,
        connections=0,
        records=0,
        rejected={},
    )


class Source:
    """One adapter and its life. `take` may make it wait: it then reads no further."""

    def __init__(
        self,
        adapter: Adapter,
        take: Take,
        *,
        reject: Reject = lambda _rejection: None,
        disabled: str = "",
        backoff: Backoff | None = None,
        pace: Pace | None = None,
        back: Back = lambda _heard, _now: None,
    ) -> None:
        """`disabled` says why the source is not to run; empty where it is."""
        self.adapter = adapter
        self.rejected: Counter[str] = Counter()
        self.connections = self.records = 0
        self.state, self.why, self.since = State.IDLE, "", time.time_ns()
        self.heard: int | None = None
        self._take = take
        self._reject = reject
        self._disabled = disabled
        self._backoff = backoff or Backoff()
        self._pace = pace or Pace(adapter.about.pace)
        self._back = back
        self._ending = asyncio.Event()

    def report(self) -> Report:
        about = self.adapter.about
        return Report(
            name=about.name,
            licence=about.licence,
            state=self.state,
            why=self.why,
            since=self.since,
            heard=self.heard,
            connections=self.connections,
            records=self.records,
            rejected=dict(self.rejected),
        )

    def end(self) -> None:
        """Leave the vendor once what was read is taken; `run` then returns."""
        self._ending.set()

    async def run(self) -> None:
        """Until `end` is called, the source fails for good, or it has nothing more to say."""
        if self._disabled:
            self._turn(State.DISABLED, self._disabled)
            return
        while not self._ending.is_set():
            self._turn(State.CONNECTING)
            began = time.monotonic()
            try:
                await self._listen()
            except SourceRefusedError as error:
                self._turn(State.FAILED, str(error))
                return
            except SourceError as error:
                if time.monotonic() - began >= STEADY:
                    self._backoff.reset()
                asked = error.retry_after if isinstance(error, SourceThrottledError) else 0.0
                self._turn(State.BACK_OFF, str(error))
                await self._wait(self._backoff.next(asked))
            except Exception as error:
                # Whatever a vendor can make an adapter stumble over, the next message may be sound again.
                logger().exception("source_stumbled", source=self.adapter.about.name)
                self._turn(State.BACK_OFF, f"stumbled: {type(error).__name__}")
                await self._wait(self._backoff.next())
            else:
                break
        self._turn(State.IDLE)

    async def _listen(self) -> None:
        """Returns when the source has ended by itself or is ended."""
        self.connections += 1
        records = self.adapter.records(self._pace, self._refuse)
        ending = asyncio.create_task(self._ending.wait())
        said = None
        try:
            while not self._ending.is_set():
                said = asyncio.create_task(_next(records))
                await asyncio.wait({said, ending}, return_when=asyncio.FIRST_COMPLETED)
                if not said.done() or (found := said.result()) is None:
                    return
                await self._note(found)
        finally:
            ending.cancel()
            if said is not None and not said.done():
                said.cancel()
                await asyncio.wait({said})
            await records.aclose()

    async def _note(self, found: Sequence[Record]) -> None:
        before, self.heard = self.heard, time.time_ns()
        self.records += len(found)
        if self.state is not State.LIVE:
            self._turn(State.LIVE)
            self._back(before or 0, self.heard)
        if found:
            await self._take(found)

    def _refuse(self, rejection: Rejection) -> None:
        self.rejected[rejection.reason] += 1
        self._reject(rejection)

    def _turn(self, state: State, why: str = "") -> None:
        self.state, self.why, self.since = state, why, time.time_ns()
        logger().info("source", source=self.adapter.about.name, state=state.value, why=why)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)


async def _next(records: AsyncGenerator[Sequence[Record], None]) -> Sequence[Record] | None:
    """None at the end."""
    return await anext(records, None)


def why_disabled(about: About, environment: str, environ: Mapping[str, str]) -> str:
    """Why the source does not run there; empty where it does."""
    if about.lacks:
        return about.lacks
    if about.environments and environment not in about.environments:
        return f"runs in environment {' or '.join(sorted(about.environments))} alone"
    if about.key_variable is not None and not environ.get(about.key_variable, "").strip():
        return f"no key: set {about.key_variable}"
    return ""
