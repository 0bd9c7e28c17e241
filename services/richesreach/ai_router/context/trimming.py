"""A conversation that is too long for its window, shortened in a fixed order until it fits.

1. Results of tools in older exchanges are cut to their beginning, oldest first.
2. Older exchanges are summarised into one message, where there is somebody to summarise;
3. or, where there is not, or that was not enough, dropped whole, oldest first.

An exchange is a message of the user with everything until the next one, so that a tool's result never stands
without its call. What the system says and the last exchange stay as they are: where they alone do not fit,
the conversation is returned as it is left, and routing says what is too long.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.parts import Message

# Characters that an old tool's result keeps.
KEPT_OF_RESULTS = 400
_INSTRUCTING = frozenset({"system", "developer"})
_SHORTENED = " […shortened]"
# Gets the exchanges' text and how many tokens the summary may have; None where it has none to give.
Summarise = Callable[[str, int], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The request as it may go on, and what was done to it, in numbers of messages."""

    request: ChatRequest
    shortened: int = 0
    summarised: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Line:
    """A message with its tokens; `raw` is what goes on."""

    message: Message
    raw: Raw
    tokens: int


async def trim(
    request: ChatRequest, room: int, counter: Counter, summarise: Summarise | None = None
) -> Trimmed:
    """`room` is how many tokens the prompt may have, by OpenAI's counting."""
    over = counter.size(request.given).tokens - room
    if over <= 0:
        return Trimmed(request)
    lines = [
        _Line(message, raw, counter.message(message))
        for message, raw in zip(request.given.messages, request.raw_messages(), strict=True)
    ]
    instructions, exchanges = _exchanges(lines)
    older, last = exchanges[:-1], exchanges[-1:]
    shortened, over = _shorten(older, over, counter)
    summarised = 0
    if over > 0 and older and summarise is not None:
        made, gone, over = await _summarise(older, over, counter, summarise)
        summarised = sum(len(exchange) for exchange in older[:gone])
        older = [[made], *older[gone:]] if made else older
        if made is None:
            summarised = 0
    dropped = 0
    while over > 0 and older:
        gone_now = older.pop(0)
        over -= sum(line.tokens for line in gone_now)
        dropped += len(gone_now)
    kept = [*instructions, *(line for exchange in (*older, *last) for line in exchange)]
    return Trimmed(request.with_messages([line.raw for line in kept]), shortened, summarised, dropped)


def _exchanges(lines: Sequence[_Line]) -> tuple[list[_Line], list[list[_Line]]]:
    instructions: list[_Line] = []
    exchanges: list[list[_Line]] = []
    for line in lines:
        if line.message.role in _INSTRUCTING:
            instructions.append(line)
        elif line.message.role == "user" or not exchanges:
            exchanges.append([line])
        else:
            exchanges[-1].append(line)
    return instructions, exchanges


def _shorten(older: Sequence[list[_Line]], over: int, counter: Counter) -> tuple[int, int]:
    shortened = 0
    for line in (line for exchange in older for line in exchange):
        if over <= 0:
            break
        text = line.message.text()
        if line.message.role != "tool" or len(text) <= KEPT_OF_RESULTS + len(_SHORTENED):
            continue
        whole: dict[str, Any] = msgspec.json.decode(line.raw)
        whole["content"] = text[:KEPT_OF_RESULTS] + _SHORTENED
        raw = msgspec.json.encode(whole)
        message = msgspec.json.decode(raw, type=Message)
        tokens = counter.message(message)
        over -= line.tokens - tokens
        line.message, line.raw, line.tokens = message, Raw(raw), tokens
        shortened += 1
    return shortened, over


async def _summarise(
    older: Sequence[list[_Line]], over: int, counter: Counter, summarise: Summarise
) -> tuple[_Line | None, int, int]:
    """The summary, how many exchanges it stands for, and what is still too much."""
    gone, freed = 0, 0
    # Twice what is too much: the summary takes some of it back.
    while gone < len(older) and freed < 2 * over:
        freed += sum(line.tokens for line in older[gone])
        gone += 1
    told = "\n".join(
        f"{line.message.role}: {line.message.text()}" for exchange in older[:gone] for line in exchange
    )
    text = await summarise(told, max(32, (freed - over) // 2))
    if not text:
        return None, 0, over
    words = {"role": "user", "content": f"Summary of our conversation until here: {text}"}
    raw = msgspec.json.encode(words)
    message = msgspec.json.decode(raw, type=Message)
    line = _Line(message, Raw(raw), counter.message(message))
    if line.tokens >= freed:
        return None, 0, over
    return line, gone, over - freed + line.tokens
