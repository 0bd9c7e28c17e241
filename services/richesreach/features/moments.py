"""Unix nanoseconds as text and back (RFC 3339, section 5.6): `2026-01-05T14:30:00.000000001Z`."""

import re
from datetime import UTC, datetime, timedelta

from richesreach.features.errors import refused

SECOND = 1_000_000_000  # nanoseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FORM = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def text(at: int) -> str:
    seconds, rest = divmod(at, SECOND)
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{rest:09d}Z"


def nanoseconds(said: str) -> int:
    """Raises Problem for what names no instant after 1970."""
    found = _FORM.fullmatch(said)
    wrong = refused(f"{said[:40]!r} is no time such as 2026-01-05T14:30:00Z.")
    if found is None:
        raise wrong
    try:
        whole = datetime.fromisoformat(found[1] + found[3])
    except ValueError:
        raise wrong from None
    at = (whole - _EPOCH) // timedelta(seconds=1) * SECOND + int((found[2] or "").ljust(9, "0"))
    if not 0 <= at < 2**62:
        raise refused(f"{said[:40]!r} is before 1970 or too far ahead.")
    return at


def of_datetime(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND * 1000


def not_before(at: int) -> datetime:
    """The first microsecond, which is all that Postgres keeps, that is not before `at`."""
    return _EPOCH + timedelta(microseconds=-(-at // 1000))
