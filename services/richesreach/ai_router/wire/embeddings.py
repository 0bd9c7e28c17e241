"""A request for embeddings, read and passed on as `wire.chat` does it."""

from typing import Self

import msgspec

from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Options
from richesreach.ai_router.wire.reading import Told, read

# Inputs of one request, as OpenAI's own API.
MOST_INPUTS = 2048


class EmbedFields(msgspec.Struct):
    """`input` is text, texts, tokens, or lists of tokens."""

    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None
    richesreach: Options | None = None


_FIELDS = msgspec.json.Decoder(EmbedFields)
_NO_OPTIONS = Options()


class EmbedRequest(Told[EmbedFields]):
    __slots__ = ()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Raises RequestError, whose text names the member at fault."""
        given, members = read(body, _FIELDS)
        if not given.input:
            raise RequestError("input is empty: send text, or a list of texts.", param="input")
        if isinstance(given.input, list) and len({type(item) for item in given.input}) != 1:
            raise RequestError("input must hold texts, or tokens, and not both.", param="input")
        request = cls(given, members, given.richesreach or _NO_OPTIONS)
        if len(request.inputs) > MOST_INPUTS:
            raise RequestError(f"input has more than {MOST_INPUTS} items.", param="input")
        members.pop("richesreach", None)
        return request

    @property
    def inputs(self) -> "list[str] | list[list[int]]":
        """One item an embedding that is asked for."""
        given = self.given.input
        if isinstance(given, str):
            return [given]
        texts = [item for item in given if isinstance(item, str)]
        tokens = [item for item in given if isinstance(item, int)]
        if tokens:
            return [tokens]
        return texts or [item for item in given if isinstance(item, list)]

    def body_for(self, upstream: str) -> bytes:
        """What an OpenAI-compatible provider is sent."""
        return msgspec.json.encode({**self.members, "model": upstream})
