"""Every number in a text must be one that it was given: a model that invents one is not believed."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from richesreach.ai_router.tasks.market.schemas import Analysed, Narrative

_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])\d+(?:\.\d+)?")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.+Z-]*)?")
#: Of the indicators' own names: RSI(14), 20 and 50 days, 1 and 5 days, 70 and 30 as everybody reads an RSI,
#: a year's 52 weeks.
WINDOWS = frozenset({1.0, 5.0, 14.0, 20.0, 30.0, 50.0, 52.0, 70.0, 100.0, 252.0})


def invented(narrative: Narrative, analysed: Sequence[Analysed], days: int) -> list[str]:
    """Numbers of the text that are none of the figures, as they are written; symbols of nobody besides."""
    known = {*WINDOWS, float(days), float(len(analysed)), *_figures(analysed)}
    names = {found.symbol for found in analysed}
    texts = [narrative.summary, *(view.reason for view in narrative.views)]
    wrong = [view.symbol for view in narrative.views if view.symbol not in names]
    for text in texts:
        bare = _DATE.sub(" ", _without(names, text))
        wrong += [number for number in _NUMBER.findall(bare) if not _among(number, known)]
    return [*dict.fromkeys(wrong)]


def _figures(analysed: Sequence[Analysed]) -> Iterator[float]:
    """Every number of the answer, and shares also as percent; signs are left to the words around them."""
    for found in analysed:
        yield float(found.bars)
        for value in msgspec.to_builtins(found.indicators).values():
            if isinstance(value, int | float):
                yield abs(float(value))
        for signal in found.signals:
            yield signal.confidence
            yield signal.confidence * 100


def _among(number: str, known: set[float]) -> bool:
    """Whether it is one of them, rounded to as many digits as it is written with."""
    value, digits = float(number.replace(",", "")), len(number.partition(".")[2])
    margin = 0.5 * 10.0**-digits + 1e-9
    return any(abs(value - each) <= margin for each in known)


def _without(names: set[str], text: str) -> str:
    """Symbols may have digits: D05 is no five."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    return text
