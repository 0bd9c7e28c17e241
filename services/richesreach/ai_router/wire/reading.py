"""A request's body, read twice: what is looked at, and all of it as it came."""

from typing import Generic, TypeVar

import msgspec
from msgspec import Raw

from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Options

Fields = TypeVar("Fields")
MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def refusal(error: msgspec.MsgspecError | UnicodeDecodeError) -> RequestError:
    """`Expected `str`, got `int` - at `$.messages[0].role`` names the member at its end."""
    if not isinstance(error, msgspec.ValidationError):
        return RequestError(f"The body is no valid JSON: {error}", code="malformed_json")
    text, _, place = str(error).partition(" - at `$")
    member = place.rstrip("`").removeprefix(".") or None
    if text.startswith("Object missing required field"):
        missing = text.rpartition("field ")[2].strip("`")
        member = f"{member}.{missing}" if member else missing
        return RequestError(f"{member} is missing.", param=member, code="missing_required_parameter")
    return RequestError(f"{member or 'The body'}: {text}.", param=member, code="invalid_type")


class Told(Generic[Fields]):
    """One request: `given` is what was read of it, `members` all of it as it came."""

    __slots__ = ("given", "members", "options")

    def __init__(self, given: Fields, members: dict[str, Raw], options: Options) -> None:
        self.given = given
        self.members = members
        self.options = options


def read(body: bytes, fields: "msgspec.json.Decoder[Fields]") -> tuple[Fields, dict[str, Raw]]:
    """What is looked at of a body, and all of it. Raises RequestError, whose text names what is at fault."""
    try:
        return fields.decode(body), MEMBERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusal(error) from None
