"""What a request may not exceed, whatever its model."""

from dataclasses import dataclass

from richesreach.ai_router.wire.chat import ChatFields
from richesreach.ai_router.wire.errors import RequestError


@dataclass(frozen=True, slots=True)
class Bounds:
    """Providers have narrower ones for some; these hold for all."""

    messages: int = 2_000
    images: int = 100
    tools: int = 128
    choices: int = 8
    stops: int = 16

    def check(self, given: ChatFields) -> None:
        """Raises RequestError that names the member, what it has and what is allowed."""
        images = 0
        for message in given.messages:
            if isinstance(message.content, list):
                images += sum([part.image_url is not None for part in message.content])
        _check("messages", len(given.messages), self.messages, "messages")
        if images:
            _check("messages", images, self.images, "images")
        if given.tools:
            _check("tools", len(given.tools), self.tools, "tools")
        if given.n is not None:
            _check("n", given.n, self.choices, "choices")
        if isinstance(given.stop, list):
            _check("stop", len(given.stop), self.stops, "stop sequences")
        limit = given.output_limit
        if (given.n is not None and given.n < 1) or (limit is not None and limit < 1):
            param = "n" if given.n is not None and given.n < 1 else "max_completion_tokens"
            raise RequestError(f"{param} must be at least 1.", param=param)


def _check(param: str, has: int, allowed: int, what: str) -> None:
    if has > allowed:
        raise RequestError(f"{param} has {has} {what}; {allowed} are allowed.", param=param)
