"""A request made ready for routing: bounded, with its template, without secrets, trimmed to a window."""

from collections import Counter as Counts
from collections.abc import Mapping
from typing import Any

import msgspec

from richesreach.ai_router.context.bounds import Bounds
from richesreach.ai_router.context.redaction import redact
from richesreach.ai_router.context.templates import OWN, Template, Templates
from richesreach.ai_router.context.trimming import Summarise, Trimmed, trim
from richesreach.ai_router.routing.asked import AUTO
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.wire.chat import ChatRequest

# Of a window that an answer without a limit may take, in tokens.
_ANSWER = 1_024


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """What goes on, and what was done to it: for explanations, which tell how often and never what."""

    request: ChatRequest
    template: Template | None = None
    redactions: Mapping[str, int] = {}
    trimmed: Trimmed | None = None

    def told(self) -> dict[str, Any]:
        """As JSON."""
        template, trimmed = self.template, self.trimmed
        return {
            "template": template
            and {"name": template.name, "version": template.version, "digest": template.digest},
            "redacted": dict(self.redactions),
            "trimmed": trimmed
            and {
                "messages_shortened": trimmed.shortened,
                "messages_summarised": trimmed.summarised,
                "messages_dropped": trimmed.dropped,
            },
        }


class Preparing:
    def __init__(
        self,
        router: Router,
        counter: Counter,
        *,
        templates: Templates = OWN,
        bounds: Bounds | None = None,
    ) -> None:
        self._router = router
        self._counter = counter
        self._templates = templates
        self._bounds = bounds or Bounds()

    def at_once(self, request: ChatRequest) -> Prepared | None:
        """As `prepare`, where nothing is to be done to the request; else None. Raises RequestError."""
        options = request.options
        if options.template is not None or options.redact or options.trim:
            return None
        self._bounds.check(request.given)
        return Prepared(request)

    async def prepare(self, request: ChatRequest, summarise: Summarise | None = None) -> Prepared:
        """Raises RequestError. A request that asks for nothing of it goes on as it came.

        `summarise` is asked where a conversation is too long and its caller wants it trimmed.
        """
        prepared = self.at_once(request)
        if prepared is not None:
            return prepared
        self._bounds.check(request.given)
        options = request.options
        template, redactions, trimmed = None, Counts[str](), None
        if options.template is not None:
            template = self._templates.find(options.template)
            before = template.render(options.template.variables)
            request = request.with_messages([*before, *request.raw_messages()])
        if options.redact:
            request, redactions = redact(request)
        if options.trim:
            room = self.room(request)
            if room is not None:
                trimmed = await trim(request, room, self._counter, summarise)
                request = trimmed.request
        return Prepared(request, template, redactions, trimmed)

    def room(self, request: ChatRequest) -> int | None:
        """Tokens, by OpenAI's counting, that the prompt may have in the widest window it can go to."""
        router, given = self._router, request.given
        catalogue = router.catalogue
        models = catalogue.models if given.model == AUTO else catalogue.named(given.model)
        images, rooms = self._counter.size(given).images, []
        for model in models:
            if model.kind != "chat" or not catalogue.enabled(model):
                continue
            taken = min(given.output_limit or _ANSWER, model.output_tokens) + images * model.image_tokens
            upper = router.calibration.scale(model.tokenizer).upper
            rooms.append(int((model.context_tokens - taken - 1) / upper))
        return max(rooms, default=None)
