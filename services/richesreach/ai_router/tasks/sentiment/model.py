"""The small model: what a headline says of what it is about, with a probability for each label."""

import functools
import math
from pathlib import Path

import msgspec

from richesreach.ai_router.tasks.sentiment.features import LABELS, Label, features

MODEL = Path(__file__).parent / "data" / "model.json"


class Judgement(msgspec.Struct, frozen=True):
    """`score` is from -1 to 1: how much likelier positive is than negative. `known` is the share of the
    text's words that the model has learnt anything about.
    """

    label: Label
    score: float
    probabilities: dict[str, float]
    known: float


class Sentiment(msgspec.Struct, frozen=True):
    """Weights of each feature by label, in the order of `labels`."""

    labels: list[str]
    intercepts: list[float]
    temperature: float
    weights: dict[str, list[float]]

    @classmethod
    @functools.cache
    def load(cls, path: Path = MODEL) -> "Sentiment":
        """The committed one."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def judge(self, text: str) -> Judgement:
        """Of one headline. Some tens of microseconds: it needs no process of its own."""
        found = features(text)
        words = [name for name in found if name.startswith("w:")]
        held = {name: count for name, count in found.items() if name in self.weights}
        length = math.sqrt(sum(count * count for count in held.values())) or 1.0
        scores = list(self.intercepts)
        for name, count in held.items():
            for place, weight in enumerate(self.weights[name]):
                scores[place] += weight * count / length
        raised = [math.exp((score - max(scores)) / self.temperature) for score in scores]
        shares = [each / sum(raised) for each in raised]
        probabilities = {label: round(share, 4) for label, share in zip(self.labels, shares, strict=True)}
        best = LABELS[max(range(len(shares)), key=shares.__getitem__)]
        return Judgement(
            best,
            round(probabilities["positive"] - probabilities["negative"], 4),
            probabilities,
            round(sum(name in self.weights for name in words) / len(words), 4) if words else 0.0,
        )
