"""Reading what vendors send: as a whole where it is sound, and piece by piece where it is not."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from richesreach.core.vendors.errors import SourceLostError
from richesreach.market_data.model import Rejection
from richesreach.market_data.source import Reject

Shape = TypeVar("Shape")
# Of what is rejected, so much is kept for whoever looks into it.
SHOWN = 4096
# Frames one after the other that make no sense: nobody goes on listening to that.
MOST_NONSENSE = 50


class Frames(Generic[Shape]):
    """What comes over one connection: lists of `shape`. `most` times in a row it may make no sense."""

    def __init__(self, source: str, shape: type[Shape], reject: Reject, *, most: int = MOST_NONSENSE) -> None:
        self._most = most
        self._source = source
        self._reject = reject
        self._whole = msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]
        self._pieces = msgspec.json.Decoder(list[msgspec.Raw])
        self._one = msgspec.json.Decoder(shape)
        self._nonsense = 0

    def items(self, frame: str | bytes | msgspec.Raw) -> Iterator[Shape]:
        """Those that are sound; the others are rejected. Raises SourceLostError after too much nonsense."""
        try:
            found = self._whole.decode(frame)
        except msgspec.DecodeError:
            yield from self._singly(frame)
        else:
            self._nonsense = 0
            yield from found

    def item(self, said: bytes | msgspec.Raw) -> Shape | None:
        """One that stands alone; None where it is not sound, and then it is rejected."""
        try:
            found = self._one.decode(said)
        except msgspec.DecodeError as error:
            self.refused(error, said)
            return None
        self._nonsense = 0
        return found

    def undecodable(self, error: Exception, said: Any) -> None:
        """Count a frame that makes no sense. Raises SourceLostError for one too many."""
        self._reject(Rejection(self._source, "undecodable", _shown(error), shown(said)))
        self._nonsense += 1
        if self._nonsense >= self._most:
            raise SourceLostError(f"{self._source} says {self._nonsense} times what nobody understands")

    def sound(self) -> None:
        self._nonsense = 0

    def refused(self, error: Exception, said: Any) -> None:
        self._reject(Rejection(self._source, "refused", _shown(error), shown(said)))

    def _singly(self, frame: str | bytes | msgspec.Raw) -> Iterator[Shape]:
        try:
            pieces = self._pieces.decode(frame)
        except msgspec.DecodeError as error:
            self.undecodable(error, frame)
            return
        sound = False
        for piece in pieces:
            try:
                found = self._one.decode(piece)
            except msgspec.DecodeError as error:
                self.refused(error, piece)
            else:
                sound = True
                yield found
        if sound or not pieces:
            self.sound()
        else:
            self.undecodable(ValueError("nothing in it is of the vendor's form"), frame)


def shown(said: Any) -> bytes:
    """The beginning of it, as bytes."""
    if isinstance(said, str):
        return said[:SHOWN].encode(errors="replace")
    if isinstance(said, (bytes, msgspec.Raw)):
        return bytes(memoryview(said)[:SHOWN])
    return msgspec.json.encode(said)[:SHOWN]


def _shown(error: Exception) -> str:
    return str(error)[:200]
