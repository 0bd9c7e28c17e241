"""Server-sent events out of the pieces in which they come."""

from richesreach.ai_router.model import Failure, ProviderError

# Bytes of one event: more is no event of a model.
MOST_EVENT = 4 * 1024 * 1024


class Events:
    """Gives the `data` of every event that is complete; the rest waits for the next piece.

    Events end with an empty line; lines end with LF or CRLF. Comments, names and ids are left out: what the
    providers name their events stands in the data too.
    """

    __slots__ = ("_provider", "_rest")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Raises ProviderError MALFORMED for an event without end."""
        text = self._rest + piece if self._rest else piece
        if b"\r" in text:
            held = b"\r" if text.endswith(b"\r") else b""
            text = text.removesuffix(b"\r").replace(b"\r\n", b"\n") + held
        *whole, self._rest = text.split(b"\n\n")
        if len(self._rest) > MOST_EVENT:
            raise ProviderError(Failure.MALFORMED, self._provider, "an event of the stream has no end")
        found = []
        for event in whole:
            if event.startswith(b"data: ") and b"\n" not in event:
                found.append(event[6:])
            elif data := _data(event):
                found.append(data)
        return found

    def rest(self) -> list[bytes]:
        """What stands at the end without an empty line: some servers leave that out."""
        left, self._rest = self._rest, b""
        data = _data(left.rstrip(b"\r\n"))
        return [data] if data else []


def _data(event: bytes) -> bytes:
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines)
