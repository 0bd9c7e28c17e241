"""Bodies of the tasks: decoded by msgspec, refused as problems."""

from typing import TypeVar

import msgspec

from richesreach.core.problems import Problem

T = TypeVar("T")


def read_body(body: bytes, kind: type[T]) -> T:
    """Raises Problem: 400 for what is no JSON, 422 with the member's path for what is not of this kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid-request", f"{error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "malformed-json", "The body is not valid JSON.") from error
