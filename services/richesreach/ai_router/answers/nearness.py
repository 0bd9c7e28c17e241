"""How alike two texts are, by an embedding of our own: words, pairs of words and parts of words, hashed.

It knows spelling and word order and nothing of meaning: "cheap" and "inexpensive" have little in common to
it. So it finds what is asked again in almost the same words. Texts that differ in a number, a ticker or a
negation are never taken for the same, however much alike they look, and long ones not at all: one word among
many hardly changes the angle, and may change everything. How good that is on a set of questions written for
it says `tests/services/ai_router/test_answer_nearness.py`.
"""

import itertools
import re
import zlib

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 512
Vector = NDArray[np.int8]
# Words that tell something, of a text that is compared at all.
MOST_WORDS = 12

_WORD = re.compile(r"[^\W_]+(?:['\u2019.,-][^\W_]+)*")
_WEIGHTS = {"word": 2.0, "pair": 1.0, "part": 0.5}
# Words that a question is as well asked without.
_FILLING = frozenset(
    _WORD.findall(
        "a an the please could can would will you me i us we to of for is are was be do does did tell give"
        " show explain describe what whats what's about it its this that in on at and hi hello thanks thank"
    )
)
_NOT = frozenset(
    _WORD.findall(
        "not no never none nor without cannot can't don't doesn't isn't aren't won't wouldn't except least"
        " worst most best"
    )
)


def comparable(text: str) -> bool:
    return 0 < len(_telling(text)) <= MOST_WORDS


def embed(text: str) -> Vector:
    """512 whole numbers from -127 to 127, of length 127; zeros for a text without words."""
    told = _telling(text)
    found = np.zeros(DIMENSIONS, dtype=np.float64)
    for word in told:
        _add(found, "word", word)
        padded = f"<{word}>"
        for start in range(len(padded) - 2):
            _add(found, "part", padded[start : start + 3])
    for first, second in itertools.pairwise(told):
        _add(found, "pair", f"{first} {second}")
    length = float(np.linalg.norm(found))
    return np.round(found / length * 127).astype(np.int8) if length else found.astype(np.int8)


def alike(one: Vector, many: NDArray[np.int8]) -> NDArray[np.float64]:
    """The cosine of the angle between `one` and each row of `many`."""
    rows = many.astype(np.float64)
    own = one.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(own)
    found: NDArray[np.float64] = np.divide(rows @ own, lengths, out=np.zeros(len(rows)), where=lengths > 0)
    return found


def marks(text: str) -> str:
    """What must be the same in two texts that are alike: numbers, names in capitals, negations, superlatives.

    In their order: "from 3 to 5" is not "from 5 to 3".
    """
    found = []
    for word in _WORD.findall(text):
        lower = word.lower().replace("\u2019", "'")
        if any(letter.isdigit() for letter in word) or (len(word) > 1 and word.isupper()) or lower in _NOT:
            found.append(lower)
    return " ".join(found)


def _telling(text: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(text)]
    return [_stem(word) for word in words if word not in _FILLING] or words


def _stem(word: str) -> str:
    """Without the plural's s, which few words are told apart by."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _add(found: NDArray[np.float64], kind: str, feature: str) -> None:
    number = zlib.crc32(f"{kind}:{feature}".encode())
    found[number % DIMENSIONS] += _WEIGHTS[kind] * (1 if number & 0x8000_0000 else -1)
