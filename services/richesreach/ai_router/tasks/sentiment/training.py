"""`python -m richesreach.ai_router.tasks.sentiment.training`: makes the model anew from our own data.

A multinomial logistic regression over the features, fitted by gradient descent with L2. It learns from
sentences that are composed of our own lexicon's phrases and from those of `data/written.tsv`; part of both is
kept back to choose the temperature that makes its probabilities honest. `data/heldout.tsv` is never read.
"""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from richesreach.ai_router.tasks.sentiment.features import DATA, LABELS, features, lexicon
from richesreach.ai_router.tasks.sentiment.model import MODEL

Array = NDArray[np.float64]
Example = tuple[str, str]

SEED = 20_261_122
COMPOSED = 2_400
STEPS, RATE, PENALTY = 600, 1.5, 2e-3
#: How often a written sentence counts: they are few, and more like what there is to read.
WRITTEN_WEIGHT = 4
#: A feature that fewer sentences have is their own, and says nothing about others.
LEAST_SEEN = 2
KEPT_BACK = 0.15


def read(name: str) -> list[Example]:
    """Label and text of each line of a file of `data/`."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    found = [tuple(line.split("\t")) for line in lines if line]
    return [(label, text) for label, text in found]


def compose(rng: random.Random) -> Iterator[Example]:
    """Sentences of the lexicon's phrases: a third of each label."""
    known = lexicon()
    while True:
        for label in LABELS:
            yield label, _sentence(label, known["subjects"], known["tails"], rng)


def _sentence(label: str, subjects: Sequence[str], tails: Sequence[str], rng: random.Random) -> str:
    known, subject, tail = lexicon(), rng.choice(subjects), rng.choice(tails)
    if label == "neutral" or rng.random() < 0.5:
        return f"{subject} {rng.choice(known[f'{label}_phrases'])} {tail}".strip()
    thing, move = (("good", "up"), ("bad", "down"))[rng.randrange(2)]
    if label == "negative":
        move = {"up": "down", "down": "up"}[move]
    noun, verb = rng.choice(known[thing]), rng.choice(known[move])
    owner = subject if subject.endswith("s") else f"{subject}'s"
    return rng.choice((f"{noun.capitalize()} {verb} {tail}", f"{owner} {noun} {verb} {tail}")).strip()


def matrix(examples: Sequence[Example], names: Sequence[str]) -> tuple[Array, Array]:
    """Features (sentences by names), each text of length 1, and labels (sentences by labels)."""
    places = {name: number for number, name in enumerate(names)}
    x, y = np.zeros((len(examples), len(names))), np.zeros((len(examples), len(LABELS)))
    for row, (label, text) in enumerate(examples):
        for name, count in features(text).items():
            if name in places:
                x[row, places[name]] = count
        y[row, LABELS.index(label)] = 1
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return x, y


def fit(x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Weights (labels by features) and intercepts (labels)."""
    w, b = np.zeros((y.shape[1], x.shape[1])), np.zeros(y.shape[1])
    share = (weights / weights.sum())[:, None]
    momentum_w, momentum_b = np.zeros_like(w), np.zeros_like(b)
    for _ in range(STEPS):
        error = (softmax(x @ w.T + b) - y) * share
        momentum_w = 0.9 * momentum_w + error.T @ x + PENALTY * w / 10
        momentum_b = 0.9 * momentum_b + error.sum(axis=0)
        w -= RATE * momentum_w
        b -= RATE * momentum_b
    return w, b


def softmax(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Array = raised / raised.sum(axis=1, keepdims=True)
    return found


def temperature(scores: Array, y: Array) -> float:
    """What the scores are divided by so that what was kept back is likeliest (Guo et al., 2017)."""
    grid = np.geomspace(0.25, 4.0, 161)
    losses = [-float((y * np.log(softmax(scores / each) + 1e-12)).sum()) for each in grid]
    return float(grid[int(np.argmin(losses))])


def train() -> dict[str, object]:
    """The model as it is written: weights of each feature by label, intercepts, temperature."""
    rng = random.Random(SEED)  # noqa: S311  (chooses sentences, guards nothing)
    written = read("written.tsv")
    composed = [*dict.fromkeys(itertools.islice(compose(rng), COMPOSED))]
    for examples in (written, composed):
        rng.shuffle(examples)
    back = [*written[: int(len(written) * KEPT_BACK)], *composed[: int(len(composed) * KEPT_BACK)]]
    learnt_written = written[int(len(written) * KEPT_BACK) :]
    learnt = [*learnt_written, *composed[int(len(composed) * KEPT_BACK) :]]
    seen: dict[str, int] = {}
    for _, text in learnt:
        for name in features(text):
            seen[name] = seen.get(name, 0) + 1
    names = sorted(name for name, count in seen.items() if count >= LEAST_SEEN)
    x, y = matrix(learnt, names)
    weights = np.ones(len(learnt))
    weights[: len(learnt_written)] = WRITTEN_WEIGHT
    w, b = fit(x, y, weights)
    kept_x, kept_y = matrix(back, names)
    return {
        "labels": LABELS,
        "intercepts": [round(float(each), 4) for each in b],
        "temperature": round(temperature(kept_x @ w.T + b, kept_y), 4),
        "weights": {name: [round(float(each), 4) for each in w[:, n]] for n, name in enumerate(names)},
    }


def main(path: Path = MODEL) -> None:
    found = train()
    path.write_text(json.dumps(found, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
