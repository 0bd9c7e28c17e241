"""Turns what msgspec says of a body into an error for the caller."""

import msgspec

from richesreach.ai_router.wire.errors import RequestError


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
