"""Compression at the edge. Source: "Serve compressed files" of the CloudFront developer guide.

Only gzip: no Brotli library is installed. A viewer that takes both gets gzip, as CloudFront too may choose.
"""

import gzip

from aiohttp import hdrs

from ops.local.edge.answer import Answer

SIZES = range(1_000, 10_000_001)
"""Bytes that a body must have; its length must be known beforehand."""

STATUSES = frozenset((200, 403, 404))
LEVEL = 6

TYPES = frozenset(
    (
        *(f"application/{name}" for name in ("dash+xml", "eot", "font", "font-sfnt", "javascript", "json")),
        *(f"application/{name}" for name in ("opentype", "otf", "pdf", "pkcs7-mime", "protobuf", "rss+xml")),
        *(f"application/{name}" for name in ("truetype", "ttf", "vnd.apple.mpegurl", "vnd.ms-fontobject")),
        *(f"application/{name}" for name in ("wasm", "xhtml+xml", "xml", "x-font-opentype", "x-font-otf")),
        *(f"application/{name}" for name in ("x-font-truetype", "x-font-ttf", "x-httpd-cgi", "x-javascript")),
        *(f"application/{name}" for name in ("x-mpegurl", "x-opentype", "x-otf", "x-perl", "x-ttf")),
        *(f"font/{name}" for name in ("eot", "opentype", "otf", "ttf")),
        "image/svg+xml",
        *(f"text/{name}" for name in ("css", "csv", "html", "javascript", "js", "plain", "richtext")),
        *(f"text/{name}" for name in ("tab-separated-values", "vtt", "x-component", "x-java-source")),
        *(f"text/{name}" for name in ("x-script", "xml")),
    )
)


def is_compressible(answer: Answer, encoding: str) -> bool:
    """True when CloudFront would compress this answer for a viewer that takes `encoding`."""
    kind = answer.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    return (
        "gzip" in encoding.split(",")
        and answer.status in STATUSES
        and kind in TYPES
        and hdrs.CONTENT_ENCODING not in answer.headers
        and hdrs.CONTENT_LENGTH in answer.headers
        and (answer.length or 0) in SIZES
    )


async def compress(answer: Answer) -> None:
    """Replace the body by its gzip form; a strong ETag becomes a weak one. Raises UpstreamError."""
    answer.body = gzip.compress(await answer.whole(), LEVEL, mtime=0)
    answer.headers[hdrs.CONTENT_ENCODING] = "gzip"
    answer.headers[hdrs.CONTENT_LENGTH] = str(len(answer.body))
    answer.headers.add(hdrs.VARY, "Accept-Encoding")
    tag = answer.headers.get(hdrs.ETAG, "")
    if tag and not tag.startswith("W/"):
        answer.headers[hdrs.ETAG] = f"W/{tag}"
