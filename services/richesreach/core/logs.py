"""Structured logs: one JSON object a line on stdout, its own events and its libraries' alike."""

import contextlib
import functools
import json
import logging
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar, Token
from typing import Any, ClassVar, Literal, TextIO, TypeVar, cast

import msgspec
import structlog

from richesreach.core.log_stream import Turns

# What every line of the current request says. One value a request, and not one variable a fact as structlog
# has it: those are searched for among all variables of the context at each line.
_facts: ContextVar[dict[str, Any] | None] = ContextVar("facts", default=None)
Event = TypeVar("Event", dict[str, Any], MutableMapping[str, Any])
# Names that every request has facts under: not looked at anew each time.
_HARMLESS = frozenset({"trace_id", "user"})
_SECRET_KEYS = frozenset({"password", "secret", "token", "authorization", "cookie", "api_key", "dsn"})


def configure(*, service: str, region: str, level: str, stream: TextIO | None = None) -> None:
    """Send structlog and stdlib logging to stdout, or `stream`, as JSON lines with service and region."""

    own = {"service": service, "region": region}

    def identity(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        facts = _facts.get()
        return {**event, **facts, **own} if facts else {**event, **own}

    out: TextIO | Turns = stream or Turns(sys.stdout)
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        identity,
        redact,
    ]
    as_line: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_json),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(["taskName"])],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *as_line],
    )
    handler = logging.StreamHandler(cast("TextIO", out))
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # What they tell of a call are its parameters, a password among them.
    for library in ("boto3", "botocore", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, *as_line],
        # Straight to the stream: the detour through the standard library's records costs each request more
        # than the rest of its line.
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )
    _Own.logger = structlog.get_logger().bind()
    _Own.out, _Own.facts, _Own.level = out, own, logging.getLevelNamesMapping()[level]


def begin(known: dict[str, Any]) -> "Token[dict[str, Any] | None]":
    """Facts for every line until `end`; those of an outer request are left out."""
    return _facts.set(known)


def end(began: "Token[dict[str, Any] | None]") -> None:
    _facts.reset(began)


@contextlib.contextmanager
def facts(**known: Any) -> Iterator[None]:
    """As `begin`, for every line that is logged inside."""
    began = begin(redact(None, "", known))
    try:
        yield
    finally:
        end(began)


def bind(**known: Any) -> None:
    """More facts for the rest of the request; outside of one, nothing."""
    found = _facts.get()
    if found is not None:
        found.update(known if known.keys() <= _HARMLESS else redact(None, "", known))


def fact(name: str) -> Any | None:
    """What the current request's lines say under this name."""
    found = _facts.get()
    return found.get(name) if found is not None else None


_ENCODER = msgspec.json.Encoder(enc_hook=str)


def _json(event: Any, **_options: Any) -> str:
    try:
        return _ENCODER.encode(event).decode()
    except (TypeError, ValueError):  # a key that is no text, or half a character in a text
        return json.dumps(event, default=str)


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """Blank the values of keys that name a secret: the last guard, not a licence to log one."""
    if _SECRET_KEYS.isdisjoint(map(str.lower, event)):
        return event
    return cast("Event", {k: "***" if k.lower() in _SECRET_KEYS else value for k, value in event.items()})


class _Own:
    """The logger as it is configured: to build it anew for every line would take as long as the line."""

    logger: structlog.typing.FilteringBoundLogger | None = None
    out: "TextIO | Turns | None" = None
    facts: ClassVar[dict[str, Any]] = {}
    level = logging.INFO


_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


def line(level: Literal["debug", "info"], said: dict[str, Any]) -> None:
    """One line whose facts need no guard and no processor: each request has one. `said` is used up."""
    out = _Own.out
    if out is None:
        getattr(logger(), level)(**said)
        return
    if _LEVELS[level] < _Own.level:
        return
    said["level"], said["timestamp"] = level, _timestamp()
    known = _facts.get()
    if known:
        said.update(known)
    said.update(_Own.facts)
    out.write(_json(said) + "\n")
    out.flush()


@functools.lru_cache(maxsize=2)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _timestamp() -> str:
    """Now, as the other lines have it (ISO 8601, UTC, microseconds)."""
    second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(second)}.{nanoseconds // 1000:06d}Z"


def logger() -> structlog.typing.FilteringBoundLogger:
    if _Own.logger is not None:
        return _Own.logger
    unconfigured: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return unconfigured
