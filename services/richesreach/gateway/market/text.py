"""Text that people give: names and notes."""

from richesreach.gateway.market.errors import InvalidError


def line(what: str, text: str, longest: int, *, least: int = 1) -> str:
    """One line without blanks around it. Raises InvalidError, also for what Postgres or a screen cannot
    hold: NUL, control characters, half of a surrogate pair.
    """
    found = text.strip()
    if not least <= len(found) <= longest:
        raise InvalidError(f"The {what} has {least} to {longest} characters, not {len(found)}.")
    if not all(character.isprintable() for character in found):
        raise InvalidError(f"The {what} has a character that cannot be shown.")
    return found
