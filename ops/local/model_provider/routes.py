"""Which provider a path belongs to, and what it answers: everything but the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ops.local.model_provider import anthropic, bedrock, failures, google, openai
from ops.local.model_provider.asked import Asked
from ops.local.model_provider.rules import Rule

JSON = "application/json"
SSE = "text/event-stream"
_GOOGLE = re.compile(
    r"/v1(?:beta)?/models/([^/:]+):(generateContent|streamGenerateContent|batchEmbedContents)"
)
_BEDROCK = re.compile(r"/model/([^/]+)/(converse|converse-stream|invoke)")
Body = dict[str, Any]


@dataclass
class Route:
    """A request that is understood. `whole` and `pieces` are made when they are wanted."""

    provider: str
    asked: Asked
    whole: Callable[[], Body]
    pieces: Callable[[], list[bytes]]
    stream_type: str = SSE

    def failure(self, rule: Rule) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what the rule lets go wrong."""
        headers = {"content-type": JSON}
        if rule.retry_after is not None:
            headers["retry-after"] = f"{rule.retry_after:g}"
        if self.provider == "bedrock":
            status, kind, body = failures.bedrock(rule.mode)
            headers["x-amzn-errortype"] = kind
        else:
            tell = {"anthropic": failures.anthropic, "google": failures.google}.get(
                self.provider, failures.openai
            )
            status, body = tell(rule.mode, self.asked.model)
        if rule.message:
            body.get("error", body)["message"] = f"Mock: {rule.message}"
        return status, headers, failures.encoded(body)

    def error_piece(self) -> bytes:
        """The error that comes in the midst of a stream."""
        if self.provider == "bedrock":
            return bedrock.message(
                "modelStreamErrorException", {"message": "Mock: it broke."}, exception=True
            )
        if self.provider == "anthropic":
            return openai.sse(failures.anthropic("overloaded", "")[1], "error")
        return openai.sse({"error": {"message": "Mock: it broke.", "type": "server_error", "code": 500}})


def find(method: str, path: str, body: bytes, rule_usage: Callable[[], bool]) -> Route | None:
    """Raises ValueError, KeyError and TypeError for a body that the provider would not take."""
    path = unquote(path)
    if method == "GET" and path.endswith("/models"):
        return Route("openai", Asked(""), openai.models, list)
    if method != "POST":
        return None
    given = json.loads(body)
    if path.endswith("/chat/completions"):
        asked = openai.read(given)
        return Route(
            "openai",
            asked,
            lambda: openai.chat(asked),
            lambda: openai.events(asked, with_usage=rule_usage()),
        )
    if path.endswith("/embeddings"):
        asked = openai.read(given)
        return Route("openai", asked, lambda: openai.embeddings(asked), list)
    if path == "/v1/messages":
        asked = anthropic.read(given)
        return Route("anthropic", asked, lambda: anthropic.message(asked), lambda: anthropic.events(asked))
    return _cloud(path, given)


def _cloud(path: str, given: Body) -> Route | None:
    if match := _GOOGLE.fullmatch(path):
        model, verb = match.groups()
        asked = google.read(given, model, stream=verb.startswith("stream"))
        whole = google.embeddings if verb.startswith("batch") else google.content
        return Route("google", asked, lambda: whole(asked), lambda: google.events(asked))
    if match := _BEDROCK.fullmatch(path):
        model, verb = match.groups()
        asked = bedrock.read(given, model, stream=verb == "converse-stream")
        answer = bedrock.embedding if verb == "invoke" else bedrock.converse
        return Route("bedrock", asked, lambda: answer(asked), lambda: bedrock.events(asked), bedrock.STREAM)
    return None
