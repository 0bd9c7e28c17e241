"""What a headline says, as features: its words and pairs of words, and what our own lexicon knows of them."""

import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

DATA = Path(__file__).parent / "data"
Label = Literal["negative", "neutral", "positive"]
LABELS: tuple[Label, ...] = ("negative", "neutral", "positive")

#: Words after a negator that it turns over.
SCOPE = 3
#: Words between a thing and what it does: "costs, once more, rise".
NEAR = 5
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.,]\d+)*%?")
_KINDS = ("positive", "negative", "neutral", "good", "bad", "up", "down")
_IRREGULAR = {
    "rose": "rise", "risen": "rise", "grew": "grow", "grown": "grow", "fell": "fall", "fallen": "fall",
    "sank": "sink", "sunk": "sink", "lost": "lose", "won": "win", "shrank": "shrink", "shrunk": "shrink",
    "beaten": "beat", "stole": "steal", "stolen": "steal", "fled": "flee", "cutting": "cut", "winning": "win",
}  # fmt: skip


@functools.cache
def lexicon() -> Mapping[str, Sequence[str]]:
    """Our own lists of words and phrases, by kind."""
    found: Mapping[str, Sequence[str]] = json.loads((DATA / "lexicon.json").read_text(encoding="utf-8"))
    return found


@functools.cache
def _kinds() -> Mapping[str, frozenset[str]]:
    """Kinds of each stem; of a term of two words its last one."""
    kinds: dict[str, set[str]] = {}
    for kind in _KINDS:
        for term in lexicon()[kind]:
            kinds.setdefault(stem(term.split()[-1] if kind in {"good", "bad"} else term), set()).add(kind)
    return {term: frozenset(found) for term, found in kinds.items()}


@functools.cache
def _negators() -> frozenset[str]:
    return frozenset(lexicon()["negators"])


def stem(word: str) -> str:
    """Without the ending of its inflection, roughly: the same for all forms of most verbs and nouns."""
    word = _IRREGULAR.get(word, word).removesuffix("'s")
    for ending in ("ing", "ied", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def words(text: str) -> list[str]:
    """Lower case; a number is `#`, whatever it is."""
    return ["#" if word[0].isdigit() else word for word in _WORD.findall(text.lower().replace("\u2019", "'"))]


def features(text: str) -> Counter[str]:
    """How often each feature is in a text; empty where there is no word in it."""
    found: Counter[str] = Counter()
    stems: list[str] = []
    kinds: list[frozenset[str]] = []
    turned = 0
    for word in words(text):
        plain = stem(word)
        negated = turned > 0
        turned = SCOPE if word in _negators() else max(turned - 1, 0)
        of = _kinds().get(plain, frozenset())
        stems.append(f"not {plain}" if negated else plain)
        kinds.append(frozenset(f"not {kind}" for kind in of) if negated else of)
    found.update(f"w:{each}" for each in stems)
    found.update(f"p:{one} {other}" for one, other in itertools.pairwise(stems))
    found.update(f"k:{kind}" for of in kinds for kind in of)
    found.update(_together(kinds))
    return found


def _together(kinds: Sequence[frozenset[str]]) -> Iterator[str]:
    """What goes up or down: costs that fall are good news, profits that fall are not."""
    for place, of in enumerate(kinds):
        for move in of & {"up", "down"}:
            near = kinds[max(0, place - NEAR) : place + NEAR + 1]
            for thing in ("good", "bad"):
                if any(thing in each for each in near):
                    yield f"t:{thing} {move}"
