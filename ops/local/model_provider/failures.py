"""How each provider tells what went wrong: status, and the words that tell one 429 from another."""

from __future__ import annotations

import json
from typing import Any

Failure = tuple[int, dict[str, Any]]


def openai(mode: str, model: str) -> Failure:
    def body(message: str, kind: str, code: str | None) -> dict[str, Any]:
        return {"error": {"message": f"Mock: {message}", "type": kind, "param": None, "code": code}}

    table: dict[str, Failure] = {
        "rate_limited": (429, body("Rate limit reached for requests.", "requests", "rate_limit_exceeded")),
        "out_of_credit": (429, body("You exceeded your quota.", "insufficient_quota", "insufficient_quota")),
        "unauthenticated": (401, body("Incorrect API key.", "invalid_request_error", "invalid_api_key")),
        "overloaded": (503, body("The engine is overloaded.", "server_error", None)),
        "context_too_long": (
            400,
            body("Maximum context length exceeded.", "invalid_request_error", "context_length_exceeded"),
        ),
        "filtered": (400, body("The prompt was filtered.", "invalid_request_error", "content_filter")),
        "invalid_request": (400, body("Invalid value.", "invalid_request_error", None)),
        "unknown_model": (404, body(f"No model {model}.", "invalid_request_error", "model_not_found")),
    }
    return table.get(mode, (500, body("The server had an error.", "server_error", None)))


def anthropic(mode: str, model: str) -> Failure:
    def body(kind: str, message: str) -> dict[str, Any]:
        return {
            "type": "error",
            "error": {"type": kind, "message": f"Mock: {message}"},
            "request_id": "req_mock",
        }

    table: dict[str, Failure] = {
        "rate_limited": (429, body("rate_limit_error", "This would exceed your rate limit.")),
        "out_of_credit": (400, body("invalid_request_error", "Your credit balance is too low.")),
        "unauthenticated": (401, body("authentication_error", "invalid x-api-key")),
        "overloaded": (529, body("overloaded_error", "Overloaded")),
        "context_too_long": (
            400,
            body("invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum"),
        ),
        "filtered": (400, body("invalid_request_error", "Output blocked by content filtering policy")),
        "invalid_request": (400, body("invalid_request_error", "max_tokens: Field required")),
        "unknown_model": (404, body("not_found_error", f"model: {model}")),
    }
    return table.get(mode, (500, body("api_error", "Internal server error")))


def google(mode: str, model: str) -> Failure:
    def body(code: int, status: str, message: str, *details: dict[str, Any]) -> Failure:
        error = {"code": code, "message": f"Mock: {message}", "status": status, "details": list(details)}
        return code, {"error": error}

    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    invalid = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    table = {
        "rate_limited": body(429, "RESOURCE_EXHAUSTED", "Quota exceeded for requests per minute.", delay),
        "out_of_credit": body(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
        "unauthenticated": body(400, "INVALID_ARGUMENT", "API key not valid.", invalid),
        "overloaded": body(503, "UNAVAILABLE", "The model is overloaded."),
        "context_too_long": body(
            400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number."
        ),
        "filtered": body(400, "FAILED_PRECONDITION", "Blocked for safety."),
        "invalid_request": body(400, "INVALID_ARGUMENT", "Invalid value."),
        "unknown_model": body(404, "NOT_FOUND", f"models/{model} is not found."),
    }
    return table.get(mode, body(500, "INTERNAL", "An internal error has occurred."))


#: Of each mode at Bedrock: status, the type in `x-amzn-errortype`, the message.
BEDROCK: dict[str, tuple[int, str, str]] = {
    "rate_limited": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "out_of_credit": (402, "ServiceQuotaExceededException", "Your account's quota is exceeded."),
    "unauthenticated": (403, "UnrecognizedClientException", "The security token is invalid."),
    "overloaded": (503, "ServiceUnavailableException", "The service is not available."),
    "context_too_long": (400, "ValidationException", "Input is too long for requested model."),
    "filtered": (400, "ValidationException", "The request was blocked by content filtering."),
    "invalid_request": (400, "ValidationException", "Malformed input request."),
    "unknown_model": (404, "ResourceNotFoundException", "The provided model identifier is invalid."),
    "server_error": (500, "InternalServerException", "The server had an error."),
}


def bedrock(mode: str) -> tuple[int, str, dict[str, Any]]:
    """Status, type and body."""
    status, kind, message = BEDROCK.get(mode, BEDROCK["server_error"])
    return status, kind, {"message": f"Mock: {message}"}


def encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
