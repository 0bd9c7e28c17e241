"""The last steps before an answer goes out: conditional requests, ranges, and the edge's own headers."""

from email.utils import parsedate_to_datetime

from aiohttp import hdrs, web

from ops.local.edge.answer import Answer
from ops.local.edge.exchange import Exchange


def _etags(text: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in text.split(",")}


def is_unchanged(request: web.BaseRequest, answer: Answer) -> bool:
    """True when the viewer has what the answer holds (RFC 9110 13.2.2)."""
    if answer.status != 200:
        return False
    if hdrs.IF_NONE_MATCH in request.headers:
        wanted = _etags(request.headers[hdrs.IF_NONE_MATCH])
        tag = answer.headers.get(hdrs.ETAG, "").removeprefix("W/")
        return bool(tag) and (tag in wanted or "*" in wanted)
    try:
        since = parsedate_to_datetime(request.headers[hdrs.IF_MODIFIED_SINCE])
        return parsedate_to_datetime(answer.headers[hdrs.LAST_MODIFIED]) <= since
    except (KeyError, TypeError, ValueError):
        return False


async def unchanged(answer: Answer) -> None:
    """Make it a 304."""
    await answer.whole()  # the rest of the body fills the cache
    answer.status, answer.reason, answer.body = 304, "Not Modified", b""
    answer.headers.popall(hdrs.CONTENT_LENGTH, None)


def slice_range(answer: Answer, wanted: str) -> bool:
    """Make a whole object the one range that is asked for; False when the range is of a form not served."""
    unit, _, limits = wanted.partition("=")
    first, dash, last = limits.strip().partition("-")
    if unit.strip() != "bytes" or not dash or "," in limits or not isinstance(answer.body, bytes):
        return False
    size = len(answer.body)
    if not (first or last) or not (first or "0").isdigit() or not (last or "0").isdigit():
        return False
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or start > end:
        answer.status, answer.reason, answer.body = 416, "Requested Range Not Satisfiable", b""
        answer.headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
    else:
        answer.status, answer.reason, answer.body = 206, "Partial Content", answer.body[start : end + 1]
        answer.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end}/{size}"
    answer.headers[hdrs.CONTENT_LENGTH] = str(len(answer.body))
    return True


def sign(exchange: Exchange, answer: Answer) -> None:
    """Put the edge's own headers on the answer."""
    exchange.region = answer.region or exchange.region
    answer.headers.update(exchange.headers(answer.cache))


def note(exchange: Exchange, answer: Answer) -> None:
    """What Server-Timing tells."""
    answer.notes = {"cdn-pop": f"{exchange.place.pop}50-P1", "cdn-rid": exchange.id}
    if exchange.upstream_ms is not None:
        answer.notes["cdn-upstream-fbl"] = str(exchange.upstream_ms)
