"""What becomes of a message that cannot be handled: it goes to `dlq` as it was, with the reason."""

import time
from typing import Literal

from confluent_kafka import Message

from richesreach.core.events.schemas import DeadLetter

Reason = Literal["undecodable", "refused", "failed", "late", "ahead"]
# A letter must fit where its message fitted, in base64 and with the rest around it.
LONGEST_VALUE = 600_000
LONGEST_ERROR = 2_000


def dead_letter(
    message: Message, group: str, reason: Reason, error: BaseException, attempts: int
) -> DeadLetter:
    """`value` is None where it would be too long: topic, partition and offset still find it."""
    value = message.value()
    return DeadLetter(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        group=group,
        reason=reason,
        error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR],
        attempts=attempts,
        time=time.time_ns(),
        key=message.key(),
        value=value if value is not None and len(value) <= LONGEST_VALUE else None,
        headers=headers_of(message),
    )


def headers_of(message: Message) -> dict[str, str]:
    """The last value of each header; bytes that are no UTF-8 are replaced."""
    given = message.headers() or []
    pairs = given.items() if isinstance(given, dict) else given
    return {name: _text(value) for name, value in pairs}


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
