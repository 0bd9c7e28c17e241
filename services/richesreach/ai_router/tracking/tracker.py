"""Takes note of requests that have ended, and tells the books, the stream and the metrics every second.

Noting costs a request nothing but a place in a list. What is not yet told when a process is killed is lost:
at most a second of it; money is not, whose books are the budgets' own.
"""

import asyncio
import hashlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence

from richesreach.ai_router.tracking.metrics import AiMetrics, answered_by
from richesreach.ai_router.tracking.model import Served
from richesreach.ai_router.tracking.store import Record, RecordStore, RefusedRecordsError
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.ending import end
from richesreach.core.events import Events
from richesreach.core.events.schemas import AnalyticsEvent
from richesreach.core.events.topics import ANALYTICS_EVENTS
from richesreach.core.logs import logger

INTERVAL = 1.0
# Records that wait for a database that is away, and how many are written at a time.
MOST, BATCH = 20_000, 500
# Seconds between two looks for what is old enough to be forgotten.
FORGETTING = 3600.0


class Tracker:
    """`days` is for how long records are kept."""

    def __init__(
        self,
        store: RecordStore,
        metrics: AiMetrics,
        events: Events | None,
        *,
        service: str = "ai-router",
        days: int = 90,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._events = events
        self._service = service
        self._days = days
        self._now = now
        self._new: deque[tuple[float, Served]] = deque(maxlen=MOST)
        self._waiting: deque[Record] = deque(maxlen=MOST)
        self._lost = 0
        self._task: asyncio.Task[None] | None = None

    def record(self, served: Served) -> None:
        """Never blocks and never raises."""
        if len(self._new) == MOST:
            self._lost += 1
        self._new.append((self._now(), served))

    def open(self) -> None:
        self._task = asyncio.create_task(self._tell_often(), name="ai-records")

    async def close(self) -> None:
        """With what is not yet told."""
        await end(self._task)
        await self.tell()

    async def tell(self) -> None:
        """All that is new, and what the database did not take before."""
        while self._new:
            batch = [self._new.popleft() for _ in range(min(BATCH, len(self._new)))]
            records = [Record(uuid.uuid4(), at, served) for at, served in batch]
            self._metrics.served(served for _, served in batch)
            self._lost += max(0, len(self._waiting) + len(records) - MOST)
            self._waiting.extend(records)
            await self._publish(records)
            if not await self._write():
                break
        await self._write()
        if self._lost:
            self._metrics.lost.labels("database").inc(self._lost)
            self._lost = 0

    async def _write(self) -> bool:
        """Whether the database took all that waits."""
        while self._waiting:
            batch = [self._waiting[place] for place in range(min(BATCH, len(self._waiting)))]
            try:
                await self._store.add(batch)
            except DatabaseUnavailableError as error:
                logger().warning("ai_records_wait", records=len(self._waiting), error=str(error))
                return False
            except RefusedRecordsError as error:
                self._lost += len(batch)
                logger().error("ai_records_refused", records=len(batch), error=str(error))
            for _ in batch:
                self._waiting.popleft()
        return True

    async def _publish(self, records: Sequence[Record]) -> None:
        """To the stream, once and no more: dashboards may miss a request, the database does not."""
        events = self._events
        if events is None:
            return
        told = await asyncio.gather(
            *(
                events.publish(ANALYTICS_EVENTS, record.served.caller.org, self._event(record))
                for record in records
            ),
            return_exceptions=True,
        )
        failed = [answer for answer in told if isinstance(answer, BaseException)]
        if failed:
            self._metrics.lost.labels("stream").inc(len(failed))
            logger().warning("ai_events_lost", events=len(failed), error=str(failed[0]))

    def _event(self, record: Record) -> AnalyticsEvent:
        served = record.served
        key = served.caller.key
        return AnalyticsEvent(
            id=str(record.id),
            name="ai.request",
            time=int(record.at * 1e9),
            service=self._service,
            user=key if len(key) <= 64 else hashlib.sha256(key.encode()).hexdigest(),
            attributes={
                "org": served.caller.org,
                "team": served.caller.team,
                "task": served.task,
                "asked": served.asked,
                "model": answered_by(served),
                "outcome": served.outcome,
                "cached": served.cached.value,
                "streamed": served.streamed,
                "downgraded": served.downgraded,
                "attempts": len(served.attempts),
                "input_tokens": sum(one.usage.input for one in served.attempts),
                "output_tokens": sum(one.usage.output for one in served.attempts),
                "cost_microdollars": served.cost,
                "seconds": round(served.seconds, 6),
                "first_token_seconds": served.first_token,
            },
        )

    async def _tell_often(self) -> None:
        forget = 0.0
        while True:
            await asyncio.sleep(INTERVAL)
            await self.tell()
            if self._now() >= forget:
                forget = self._now() + FORGETTING
                try:
                    await self._store.forget(self._days, self._now())
                except DatabaseUnavailableError as error:
                    logger().warning("ai_records_kept", error=str(error))
