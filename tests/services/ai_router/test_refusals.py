"""What providers' own words for a refusal mean, in bodies of the shapes that they send."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import calls
import msgspec
import pytest
from mock_provider import MockProvider
from richesreach.ai_router.model import Failure
from richesreach.ai_router.providers import refusals
from richesreach.ai_router.providers.openai import OpenAI
from richesreach.ai_router.providers.resolving import PublicResolver

SECRET = "sk-ant-0123456789abcdef"


def openai(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "error", "param": None, "code": code}}


def google(status: str, message: str, **detail: str) -> dict[str, Any]:
    return {"error": {"code": 0, "message": message, "status": status, "details": [detail]}}


CASES: list[tuple[int, dict[str, Any], Failure]] = [
    (429, openai("You exceeded your current quota", "insufficient_quota"), Failure.OUT_OF_CREDIT),
    (429, openai("Rate limit reached for gpt-4o on tokens per min (TPM)"), Failure.RATE_LIMITED),
    (
        400,
        openai("maximum context length is 128000 tokens", "context_length_exceeded"),
        Failure.CONTEXT_TOO_LONG,
    ),
    (400, openai("max_tokens is too large"), Failure.INVALID_REQUEST),
    (400, openai("flagged", "content_policy_violation"), Failure.CONTENT_FILTERED),
    (404, openai("The model does not exist", "model_not_found"), Failure.UNKNOWN_MODEL),
    (402, openai("Insufficient Balance"), Failure.OUT_OF_CREDIT),
    (400, {"error": {"message": "Your credit balance is too low to access"}}, Failure.OUT_OF_CREDIT),
    (400, {"error": {"message": "prompt is too long: 201 tokens > 200"}}, Failure.CONTEXT_TOO_LONG),
    (529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, Failure.OVERLOADED),
    (413, {"error": {"type": "request_too_large", "message": "too large"}}, Failure.CONTEXT_TOO_LONG),
    (
        400,
        google("INVALID_ARGUMENT", "API key not valid.", reason="API_KEY_INVALID"),
        Failure.UNAUTHENTICATED,
    ),
    (402, google("RESOURCE_EXHAUSTED", "Prepay credits"), Failure.OUT_OF_CREDIT),
    (503, google("UNAVAILABLE", "The model is overloaded."), Failure.OVERLOADED),
    (424, {"message": "The request failed due to an error while processing"}, Failure.SERVER_ERROR),
    (403, {"message": "You don't have access to the model"}, Failure.UNKNOWN_MODEL),
    (403, {"message": "User is not authorized to perform: bedrock:InvokeModel"}, Failure.UNAUTHENTICATED),
    (408, {"message": "The request took too long to process"}, Failure.TIMEOUT),
    (418, {"message": "teapot"}, Failure.INVALID_REQUEST),
    (500, {}, Failure.SERVER_ERROR),
]


@pytest.mark.parametrize(("status", "body", "failure"), CASES)
def test_a_refusal_is_judged(status: int, body: dict[str, Any], failure: Failure) -> None:
    assert refusals.judged("p", status, json.dumps(body).encode(), SECRET).failure is failure


def test_aws_names_the_error_in_a_header() -> None:
    error = refusals.judged("p", 400, b"{}", "", kind="ServiceQuotaExceededException:http://x")
    assert error.failure is Failure.OUT_OF_CREDIT


def test_googles_wait_stands_in_the_body() -> None:
    body = json.dumps(google("RESOURCE_EXHAUSTED", "Quota", retryDelay="34.5s")).encode()
    assert refusals.judged("p", 429, body, "").retry_after == 34.5


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", None),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("1e9", 86400.0),
        ("nan", None),
    ],
)
def test_a_wait_is_a_number_within_reason(told: str, seconds: float | None) -> None:
    assert refusals.seconds_of(told) == seconds


def test_a_wait_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    found = refusals.seconds_of(later)
    assert found is not None
    assert 3500 < found <= 3600
    assert refusals.seconds_of("Mon, 01 Jan 2001 00:00:00 GMT") is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[]", b'{"error":3}', b"null"])
def test_a_body_that_says_nothing_is_no_trouble(body: bytes) -> None:
    assert refusals.judged("p", 500, body, SECRET).failure is Failure.SERVER_ERROR


def test_neither_our_key_nor_any_other_is_told() -> None:
    body = json.dumps(openai(f"key {SECRET} AIzaSyA1234567 Bearer abcdefgh\r\nx: y" + "z" * 999)).encode()
    detail = refusals.judged("p", 400, body, SECRET).detail
    assert SECRET not in detail
    assert "AIzaSy" not in detail
    assert "abcdefgh" not in detail
    assert detail.isprintable()
    assert len(detail) < 400


def test_a_refused_key_is_not_repeated_at_all() -> None:
    error = refusals.judged("p", 401, json.dumps(openai("Incorrect key sk-…cdef")).encode(), SECRET)
    assert "cdef" not in error.detail


async def test_a_name_that_leads_into_a_private_network_is_not_known() -> None:
    with pytest.raises(OSError, match="no provider may be"):
        await PublicResolver(private=False).addresses("localhost", 80)
    assert await PublicResolver(private=True).addresses("localhost", 80)


async def test_headers_cannot_be_added_through_a_request_id(mock: MockProvider) -> None:
    connections = calls.connections()
    asked = msgspec.structs.replace(calls.call(), request_id="a\r\nx-evil: 1")
    error = await calls.failure_of(OpenAI("openai", f"{mock.url}/v1", connections), asked)
    assert error.failure is Failure.MALFORMED
    assert mock.seen() == []
    await connections.close()
