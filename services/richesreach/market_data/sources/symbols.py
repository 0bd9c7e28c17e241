"""Which of our symbols a source is asked for, and what the vendor calls each: nothing else is taken."""

import re
from collections.abc import Iterable, Mapping

# As `Symbol` of the event schemas.
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._:/=^-]{0,31}")


class SymbolError(ValueError):
    """A symbol that no topic holds, or that a vendor cannot be asked for."""


def vendor_symbols(symbols: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Ours by the vendor's. A mapping is given the other way round: the vendor's by ours.

    Raises SymbolError.
    """
    pairs = dict(symbols) if isinstance(symbols, Mapping) else {symbol: symbol for symbol in symbols}
    found: dict[str, str] = {}
    for ours, theirs in pairs.items():
        if _SYMBOL.fullmatch(ours) is None:
            raise SymbolError(f"symbol {ours[:40]!r} must be of capitals, digits and ._:/=^-, 32 at most")
        if not theirs or not theirs.isprintable() or set(theirs) & {",", " "}:
            raise SymbolError(f"{ours}: {theirs[:40]!r} is no name that a vendor can be asked for")
        if theirs in found:
            raise SymbolError(f"{theirs[:40]!r} is {found[theirs]} and {ours}: name one")
        found[theirs] = ours
    if not found:
        raise SymbolError("no symbol is asked for: name one at least")
    return found
