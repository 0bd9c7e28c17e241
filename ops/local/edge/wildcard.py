"""The wildcards of load balancer rules and cache behaviours: `*` is any text, `?` exactly one character."""

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def _compiled(pattern: str, fold: bool) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    source = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.compile(source, re.DOTALL | (re.IGNORECASE if fold else 0))


def matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """True when the whole of `text` fits `pattern`; `fold` ignores case."""
    return _compiled(pattern, fold).fullmatch(text) is not None
