"""How long functions take: `@timed("price.lookup")` on one, sync or async."""

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prometheus_client import Histogram

from richesreach.core.logs import logger

Params = ParamSpec("Params")
Result = TypeVar("Result")

# Of the process: a decorator knows no application. Each one's registry takes it in.
FUNCTION_DURATION = Histogram(
    "richesreach_function_duration_seconds",
    "Time in a timed function by outcome, in seconds",
    ("function", "outcome"),
    registry=None,
    buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0),
)


def timed(name: str) -> Callable[[Callable[Params, Result]], Callable[Params, Result]]:
    """Measure each call under `name`, as `ok` or `error`, and log it at debug. A coroutine counts until it
    ends.
    """

    def decorate(function: Callable[Params, Result]) -> Callable[Params, Result]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_a_loop(*args: Params.args, **kwargs: Params.kwargs) -> Any:
                with _Stopwatch(name):
                    return await function(*args, **kwargs)

            return cast("Callable[Params, Result]", in_a_loop)

        @functools.wraps(function)
        def at_once(*args: Params.args, **kwargs: Params.kwargs) -> Result:
            with _Stopwatch(name):
                return function(*args, **kwargs)

        return at_once

    return decorate


class _Stopwatch:
    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        seconds = time.perf_counter() - self._started
        outcome = "ok" if kind is None else "error"
        FUNCTION_DURATION.labels(self._name, outcome).observe(seconds)
        logger().debug("timed", function=self._name, outcome=outcome, duration_ms=round(seconds * 1000, 3))
