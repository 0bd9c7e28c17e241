"""Which request this is and which region answers it: two headers on every response."""

import random
import re
from collections.abc import Sequence

REQUEST_ID = "x-request-id"
REGION = "x-richesreach-region"
# Wide enough for UUIDs, trace ids and CloudFront's base64 ids; nothing that can break a log line or a header.
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:=+/@-]{1,128}")


def accepted_request_id(given: Sequence[str]) -> str:
    """The caller's id when exactly one valid one was sent, else a fresh one."""
    if len(given) == 1 and _VALID_REQUEST_ID.fullmatch(given[0]):
        return given[0]
    return new_request_id()


def new_request_id() -> str:
    """A UUID, version 4 (RFC 9562). Nobody gains by guessing one, so that it costs no question to the
    system.
    """
    bits = random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
