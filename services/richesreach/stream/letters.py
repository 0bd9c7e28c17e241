"""Dead letters of what entered no bar: ticks that came late or from ahead of time, and unreadable messages.

A letter has the ticks it is about as a message of `market.ticks` of its own, so that they can be put back.
"""

import time
from collections.abc import Iterator, Mapping

import msgspec

from richesreach.core.events.dead_letters import LONGEST_ERROR, LONGEST_VALUE, Reason
from richesreach.core.events.schemas import DeadLetter, Tick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.stream.definitions import LATENESS, LEAD, SECOND
from richesreach.stream.partition import Refused, Taken

_WHY = {
    "late": f"its second was closed: more than {LATENESS // SECOND} s behind the latest of its partition",
    "ahead": f"it happened more than {LEAD // SECOND} s after it was received",
}
_DECODER = msgspec.json.Decoder(MARKET_TICKS.kinds)


def letters(number: int, taken: Taken, values: Mapping[int, bytes], group: str) -> Iterator[DeadLetter]:
    """One for each message and reason; `values` are the messages by offset."""
    for unreadable in taken.unreadable:
        yield _letter(number, unreadable.offset, group, "undecodable", unreadable.error, values)
    together: dict[tuple[int, str], list[Refused]] = {}
    for refused in taken.refused:
        together.setdefault((refused.offset, refused.reason), []).append(refused)
    for (offset, reason), ticks in together.items():
        error = f"{reason}: {len(ticks)} ticks: {_WHY[reason]}"
        value = _those(values[offset], [tick.place for tick in ticks])
        yield _letter(number, offset, group, ticks[0].reason, error, {offset: value})


def _those(value: bytes, places: list[int]) -> bytes:
    """The message with these of its ticks alone."""
    message: Tick | TickBatch = _DECODER.decode(value)
    if isinstance(message, TickBatch):
        message = msgspec.structs.replace(message, ticks=[message.ticks[place] for place in places])
    return msgspec.json.encode(message)


def _letter(
    number: int, offset: int, group: str, reason: Reason, error: str, values: Mapping[int, bytes]
) -> DeadLetter:
    value = values[offset]
    return DeadLetter(
        topic=MARKET_TICKS.name,
        partition=number,
        offset=offset,
        group=group,
        reason=reason,
        error=error[:LONGEST_ERROR],
        attempts=1,
        time=time.time_ns(),
        key=None,
        value=value if len(value) <= LONGEST_VALUE else None,
        headers={},
    )
