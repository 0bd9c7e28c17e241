"""A stream that a caller reads: until something of the answer has come another candidate may take over, after
that this one is it.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Self

from richesreach.ai_router.dispatching.trial import CHARACTERS_PER_TOKEN, Trial
from richesreach.ai_router.model import Attempt, Failure, ProviderError, Usage
from richesreach.ai_router.providers.provider import Chunk
from richesreach.ai_router.routing.decision import Candidate

# Chunks that are held back while none of them has anything of the answer (the role, a ping).
_HELD_BACK = 16


class Opened:
    """A stream whose first chunks have come; they are still to be read."""

    __slots__ = ("chunks", "first")

    def __init__(self, chunks: AsyncGenerator[Chunk, None], first: list[Chunk]) -> None:
        self.chunks = chunks
        self.first = first

    @classmethod
    async def begin(cls, chunks: AsyncGenerator[Chunk, None], trial: Trial) -> Self:
        """Read until a chunk has something of the answer. Raises ProviderError."""
        first: list[Chunk] = []
        try:
            async for chunk in chunks:
                first.append(chunk)
                if chunk.characters or chunk.usage or len(first) == _HELD_BACK:
                    break
        except BaseException as error:
            await chunks.aclose()
            if isinstance(error, ProviderError):
                # What came was held back: for the caller nothing has begun.
                error.began = False
            raise
        if not first:
            raise ProviderError(
                Failure.TRUNCATED, trial.turn.candidate.model.provider, "the stream ended before it began"
            )
        trial.first_token()
        return cls(chunks, first)

    async def discard(self) -> None:
        """Another attempt was first. Its trial is told by whoever raced the two."""
        await self.chunks.aclose()


class Streamed:
    """What `Dispatcher.stream` gives: an async iterator of chunks, which must be closed.

    Closing it before its end cuts the connection to the provider and settles what has come until then.
    """

    def __init__(
        self,
        opened: Opened,
        trial: Trial,
        end: Callable[[BaseException | None], None],
        trials: Sequence[Trial],
    ) -> None:
        self._opened = opened
        self._trial = trial
        self._end = end
        self._trials = trials
        self._held = opened.first[::-1]
        self._characters = 0
        self._usage: Usage | None = None
        self._over = False

    @property
    def candidate(self) -> Candidate:
        return self._trial.turn.candidate

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those that are over; all of them once the stream is closed."""
        return tuple(one.attempt for one in self._trials if one.attempt is not None)

    @property
    def usage(self) -> Usage | None:
        """What the answer cost in tokens, once the stream is over."""
        return self._trial.attempt.usage if self._trial.attempt else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        """Raises ProviderError with `began`: nobody else is asked any more."""
        if self._over:
            raise StopAsyncIteration
        try:
            chunk = self._held.pop() if self._held else await anext(self._opened.chunks)
        except StopAsyncIteration:
            self._done()
            raise
        except ProviderError as error:
            error.began = True
            await self._fail(error)
            raise
        except BaseException as error:
            await self.aclose(error)
            raise
        self._characters += chunk.characters
        self._usage = chunk.usage or self._usage
        return chunk

    def _done(self) -> None:
        self._over = True
        written = -(-self._characters // CHARACTERS_PER_TOKEN)
        self._trial.answered(self._usage or Usage(0, written, estimated=True))
        self._end(None)

    async def _fail(self, error: ProviderError) -> None:
        self._over = True
        self._trial.failed(error, self._characters)
        self._end(error)
        await self._opened.chunks.aclose()

    async def aclose(self, error: BaseException | None = None) -> None:
        """The caller is done with it; a second time, or after the end, nothing happens."""
        if self._over:
            return
        self._over = True
        if self._usage is not None and error is None:
            # All that counts has come; only the end of the stream was not waited for.
            self._trial.answered(self._usage)
        else:
            # What was held back was written too.
            self._trial.given_up(self._characters + sum(chunk.characters for chunk in self._held))
        self._end(None if self._usage is not None and error is None else error or GeneratorExit())
        await self._opened.chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose(error)
