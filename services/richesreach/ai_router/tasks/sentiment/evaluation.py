"""`python -m richesreach.ai_router.tasks.sentiment.evaluation`: scores of the committed model.

On `data/heldout.tsv`, which the training never reads. Its headlines are of our own making, like those that
the model learns from: the scores say how well it reads sentences as we write them, not how well it reads
the news.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from richesreach.ai_router.tasks.sentiment.features import DATA, LABELS
from richesreach.ai_router.tasks.sentiment.model import Judgement, Sentiment
from richesreach.ai_router.tasks.sentiment.service import unsure


@dataclass(frozen=True)
class Scores:
    """Shares from 0 to 1. `sure` is how many it would answer alone, `accuracy_where_sure` of those."""

    count: int
    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    sure: float
    accuracy_where_sure: float
    calibration_error: float


def heldout() -> list[tuple[str, str]]:
    """Label and text."""
    lines = (DATA / "heldout.tsv").read_text(encoding="utf-8").splitlines()
    return [(label, text) for label, _, text in (line.partition("\t") for line in lines)]


def evaluate(model: Sentiment, examples: Sequence[tuple[str, str]]) -> Scores:
    """How the model's labels fit those of the examples."""
    pairs = [(label, model.judge(text)) for label, text in examples]
    sure = [(label, found) for label, found in pairs if not unsure(found)]
    f1: dict[str, float] = {label: _f1(pairs, label) for label in LABELS}
    return Scores(
        count=len(pairs),
        accuracy=_accuracy(pairs),
        macro_f1=statistics.fmean(f1.values()),
        f1=f1,
        sure=len(sure) / len(pairs),
        accuracy_where_sure=_accuracy(sure),
        calibration_error=_calibration(pairs),
    )


def _accuracy(pairs: Sequence[tuple[str, Judgement]]) -> float:
    return statistics.fmean(label == found.label for label, found in pairs) if pairs else 0.0


def _f1(pairs: Sequence[tuple[str, Judgement]], label: str) -> float:
    right = sum(real == found.label == label for real, found in pairs)
    named = sum(found.label == label for _, found in pairs) + sum(real == label for real, _ in pairs)
    return 2 * right / named if named else 0.0


def _calibration(pairs: Sequence[tuple[str, Judgement]], bins: int = 5) -> float:
    """Expected calibration error: how far the probability of its label is from how often that is right."""
    error = 0.0
    for number in range(bins):
        held = [
            (max(found.probabilities.values()), real == found.label)
            for real, found in pairs
            if number / bins < max(found.probabilities.values()) <= (number + 1) / bins
        ]
        if held:
            gap = statistics.fmean(p for p, _ in held) - statistics.fmean(right for _, right in held)
            error += abs(gap) * len(held) / len(pairs)
    return error


def main() -> None:
    scores = evaluate(Sentiment.load(), heldout())
    print(f"held-out headlines of our own: {scores.count}, {scores.count // 3} of each label")  # noqa: T201
    print(f"accuracy {scores.accuracy:.3f}, macro F1 {scores.macro_f1:.3f}")  # noqa: T201
    for label, value in scores.f1.items():
        print(f"  F1 {label}: {value:.3f}")  # noqa: T201
    print(f"sure of {scores.sure:.0%}; accuracy there {scores.accuracy_where_sure:.3f}")  # noqa: T201
    print(f"expected calibration error {scores.calibration_error:.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
