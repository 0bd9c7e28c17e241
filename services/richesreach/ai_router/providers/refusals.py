"""What a refusal means: which 429 passes by itself and which needs a payment, and whose fault a 400 is."""

import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TypeVar

import msgspec

from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.providers.connections import MOST_REFUSAL, Reply, Whole

Shape = TypeVar("Shape")

# What is told of a provider's own words, in characters.
TOLD = 300
# Where AWS names the error.
_KIND = "x-amzn-errortype"
# Seconds: a provider that asks for longer asks for this long.
LONGEST_WAIT = 24 * 3600.0
_LONG = re.compile(
    r"context.{0,10}(length|window)|prompt is too long|input is too long|too many (input )?tokens"
    r"|token count.{0,20}exceeds|maximum.{0,20}tokens",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content.?(filter|policy|management)|safety|blocked by", re.IGNORECASE)
_CREDIT = re.compile(
    r"insufficient_quota|credit balance|billing_error|insufficient.{0,10}(balance|funds|credit)"
    r"|ServiceQuotaExceeded|credits? (are|is|have been) (depleted|exhausted)|spend_limit|billing_hard_limit",
    re.IGNORECASE,
)
# Of Bedrock's, where an account has not asked for a model: the same key may ask others.
_NO_ACCESS = re.compile(r"access to the model", re.IGNORECASE)
_KEY = re.compile(r"api.?key (not valid|expired|invalid)|API_KEY_INVALID|invalid_api_key", re.IGNORECASE)
# Whatever looks like a key, ours or not.
_SECRET = re.compile(r"\b(sk|rk|pk|AIza|ABSK|AKIA|ASIA|Bearer )[A-Za-z0-9_*.-]{6,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_RETRY_DELAY = re.compile(r'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"')

# The first that fits; then the status alone.
_BY_WORDS = (
    ({400, 402, 403, 413, 422, 429}, _CREDIT, Failure.OUT_OF_CREDIT),
    ({400, 403}, _KEY, Failure.UNAUTHENTICATED),
    ({403}, _NO_ACCESS, Failure.UNKNOWN_MODEL),
    ({400, 413, 422}, _LONG, Failure.CONTEXT_TOO_LONG),
    ({400, 422}, _FILTERED, Failure.CONTENT_FILTERED),
)
_BY_STATUS = {
    401: Failure.UNAUTHENTICATED,
    402: Failure.OUT_OF_CREDIT,
    403: Failure.UNAUTHENTICATED,
    404: Failure.UNKNOWN_MODEL,
    408: Failure.TIMEOUT,
    413: Failure.CONTEXT_TOO_LONG,
    424: Failure.SERVER_ERROR,
    429: Failure.RATE_LIMITED,
    498: Failure.OVERLOADED,
    503: Failure.OVERLOADED,
    504: Failure.TIMEOUT,
    529: Failure.OVERLOADED,
}


class _Message(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    """OpenAI, Anthropic and Google have `error.message`; Bedrock, and others, `message` alone."""

    error: _Message | str | None = None
    message: str = ""


async def refusal(reply: Reply, provider: str, secret: str) -> ProviderError:
    """The error of a reply that is no success."""
    body = await reply.body(MOST_REFUSAL)
    kind = reply.header(_KIND) or ""
    return judged(provider, reply.status, body, secret, retry_after=reply.header("retry-after"), kind=kind)


def checked(whole: Whole, provider: str, secret: str) -> bytes:
    """The body of a success. Raises ProviderError for anything else."""
    if whole.status == 200:
        return whole.body
    wait, kind = whole.header("retry-after"), whole.header(_KIND) or ""
    raise judged(provider, whole.status, whole.body, secret, retry_after=wait, kind=kind)


def judged(
    provider: str, status: int, body: bytes, secret: str, *, retry_after: str | None = None, kind: str = ""
) -> ProviderError:
    """The error that status, body and `kind`, AWS's own word for it, mean."""
    text = body.decode("utf-8", "replace")
    failure = _failure(status, f"{kind} {text}")
    wait = seconds_of(retry_after)
    if wait is None and (found := _RETRY_DELAY.search(text)):
        wait = min(float(found[1]), LONGEST_WAIT)
    if failure is Failure.UNAUTHENTICATED:
        # Providers repeat a part of the key here, and what they say is for its owner, not for our callers.
        detail = f"the key was not accepted ({status})"
    elif 300 <= status < 400:
        detail = f"answered {status}: redirects are not followed"
    else:
        detail = f"answered {status}: {said(body, secret)}"
    return ProviderError(failure, provider, detail, status=status, retry_after=wait)


def _failure(status: int, text: str) -> Failure:
    for statuses, words, failure in _BY_WORDS:
        if status in statuses and words.search(text):
            return failure
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Failure.INVALID_REQUEST if 400 <= status < 500 else Failure.SERVER_ERROR


def decoded(body: bytes, decoder: "msgspec.json.Decoder[Shape]", provider: str) -> Shape:
    """An answer in its shape. Raises ProviderError MALFORMED."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        detail = "the answer is not what its API says"
        raise ProviderError(Failure.MALFORMED, provider, detail) from error


def said(body: bytes, secret: str) -> str:
    """The provider's message on one line, without anything that looks like a key."""
    try:
        found = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "nothing that can be read"
    error = found.error
    text = error if isinstance(error, str) else error.message if error else found.message
    return cleaned(text or "nothing", secret)


def cleaned(text: str, secret: str) -> str:
    text = text.replace(secret, "***") if secret else text
    return _CONTROL.sub(" ", _SECRET.sub("***", text))[:TOLD]


def seconds_of(retry_after: str | None) -> float | None:
    """`Retry-After`: seconds, or a date of HTTP; None for what is neither, or past."""
    if not retry_after:
        return None
    try:
        found = float(retry_after)
    except ValueError:
        try:
            found = parsedate_to_datetime(retry_after).timestamp() - time()
        except ValueError:
            return None
    return min(found, LONGEST_WAIT) if found > 0 else None
