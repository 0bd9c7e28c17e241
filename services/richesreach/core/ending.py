"""How a task that runs for the life of the process is ended."""

import asyncio
from typing import Any

# Seconds.
_PATIENCE = 0.1


async def end(task: "asyncio.Task[Any] | None") -> None:
    """Cancel it until it has ended.

    Once is not enough: the cache's client may take a cancellation for the end of its own time-out.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_PATIENCE)
