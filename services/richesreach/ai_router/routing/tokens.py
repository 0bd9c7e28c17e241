"""How long a prompt is, in tokens.

OpenAI's models are counted with their own vocabulary, which the wheel of `bpe-openai` holds; tiktoken counts
the same and would have to fetch it. Anthropic and Google publish no vocabulary: `calibration` scales what was
counted.

The form of a chat costs tokens too: three a message and three for the answer's beginning, as OpenAI's
cookbook has it ("How to count tokens with tiktoken").
"""

from collections import OrderedDict

import msgspec

from richesreach.ai_router.routing.asked import Size
from richesreach.ai_router.routing.vocabulary import CHAT, EMBEDDING, vocabulary
from richesreach.ai_router.wire.chat import ChatFields
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.ai_router.wire.parts import Message

_PER_MESSAGE, _PER_NAME, _PER_ANSWER = 3, 1, 3
# An image counted for its place in the prompt alone: what it costs differs by model (`Model.image_tokens`).
# 32 tokens a second of audio, as Gemini has it, at 16 kB/s of base64 of an MP3 at 96 kbit/s.
_AUDIO_CHARACTERS_PER_TOKEN = 500
# Characters from which the count of a text that may never come again is worth remembering, and how many are.
_WORTH_KEEPING, _KEPT = 512, 8_192
# Longer texts are counted by samples: to count a megabyte would hold every other request for 80 ms.
_LONG, _SAMPLE = 131_072, 4_096
_SAMPLES = 16


class Counter:
    """Counts texts, and remembers counts by their texts' hashes: no prompt stays in memory.

    Those of long texts, and of what comes again by its nature: an instruction with each request, and every
    message of a conversation but the last with each further turn.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, str], int] = OrderedDict()

    def warm(self) -> None:
        """Load what the first request would wait for."""
        vocabulary(CHAT).count("warm")

    def count(self, text: str, name: str = CHAT, *, recurs: bool = False) -> tuple[int, bool]:
        """Tokens, and whether that is exact. Text that is no Unicode (a lone surrogate) is counted all the
        same. `recurs`: it is likely to come again.
        """
        size = len(text)
        if size < _WORTH_KEEPING and not recurs:
            return _count(text, name), True
        if size > _LONG:
            return _sampled(text, name), False
        # The interpreter's hash is keyed by a secret of the process: nobody can make two texts meet.
        key = (hash(text), size, name)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _count(text, name)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found, True

    def size(self, given: ChatFields) -> Size:
        """Of a chat request: its messages, tools and the schema of its answer."""
        tokens, images, exact = _PER_ANSWER, 0, True
        last = len(given.messages) - 1
        for place, message in enumerate(given.messages):
            counted, seen, sure = self._message(message, recurs=place != last)
            tokens, images, exact = tokens + counted, images + seen, exact and sure
        for described in (given.tools, given.response_format):
            if described:
                # Providers do not publish how they write a schema into the prompt; its JSON is near enough.
                counted, _ = self.count(msgspec.json.encode(described).decode())
                tokens, exact = tokens + counted, False
        return Size(tokens, images, exact and not images)

    def message(self, message: Message) -> int:
        """Tokens of one message, without its images: of one that was counted with its conversation before."""
        return self._message(message, recurs=True)[0]

    def _message(self, message: Message, *, recurs: bool = False) -> tuple[int, int, bool]:
        tokens, images = _PER_MESSAGE, 0
        content = message.content
        text = content if isinstance(content, str) else message.text()
        counted, exact = self.count(text, recurs=recurs)
        tokens += counted
        if message.name:
            tokens += _PER_NAME + _count(message.name, CHAT)
        for call in message.tool_calls or ():
            tokens += _PER_MESSAGE + _count(call.function.name, CHAT) + self.count(call.function.arguments)[0]
            exact = False
        if not isinstance(content, str):
            for part in content or ():
                images += part.image_url is not None
                if part.input_audio is not None:
                    tokens, exact = tokens + len(part.input_audio.data) // _AUDIO_CHARACTERS_PER_TOKEN, False
        return tokens, images, exact

    def size_of_inputs(self, request: EmbedRequest) -> Size:
        """Of a request for embeddings: all inputs, which are paid, and the longest, which must fit."""
        total, longest, exact = 0, 0, True
        for item in request.inputs:
            counted, sure = self.count(item, EMBEDDING) if isinstance(item, str) else (len(item), True)
            total, longest, exact = total + counted, max(longest, counted), exact and sure
        return Size(total, 0, exact, EMBEDDING, longest)


def _count(text: str, name: str) -> int:
    try:
        return vocabulary(name).count(text)
    except UnicodeEncodeError:
        return vocabulary(name).count(text.encode("utf-8", "replace").decode())


def _sampled(text: str, name: str) -> int:
    """From pieces spread evenly over the text, and a twentieth more: what is too long must not pass for
    fitting.
    """
    step = (len(text) - _SAMPLE) // (_SAMPLES - 1)
    counted = sum(_count(text[at * step : at * step + _SAMPLE], name) for at in range(_SAMPLES))
    return int(counted / (_SAMPLES * _SAMPLE) * len(text) * 1.05)
