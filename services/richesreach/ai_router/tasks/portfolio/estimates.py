"""Covariance of returns, shrunk towards a multiple of the identity.

The sample's own covariance of n assets has no inverse below n + 1 periods and overstates what optimisers look
for; shrinking pulls its eigenvalues together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def covariance(history: Array, shrinkage: str | float) -> tuple[Array, float]:
    """Covariance (n by n) of `history` (periods by n), and the share of the target in it, 0 to 1.

    `ledoit_wolf`: Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    2004. `oas`: Chen, Wiesel, Eldar & Hero, "Shrinkage algorithms for MMSE covariance estimation", 2010. Both
    estimate with the divisor `periods`; a given share shrinks the unbiased estimate, with `periods` - 1.
    """
    periods, count = history.shape
    centred = history - history.mean(axis=0)
    if isinstance(shrinkage, str):
        sample = centred.T @ centred / periods
        share = {"ledoit_wolf": _ledoit_wolf, "oas": _oas}[shrinkage](centred, sample)
    else:
        sample = centred.T @ centred / (periods - 1)
        share = float(shrinkage)
    target = np.trace(sample) / count
    return (1 - share) * sample + share * target * np.eye(count), share


def _ledoit_wolf(centred: Array, sample: Array) -> float:
    """b² / d² of the paper: variance of the sample's entries over their distance from the target."""
    periods, count = centred.shape
    target = np.trace(sample) / count
    distance = float((sample**2).sum() / count - target**2)
    if distance <= 0:
        return 1.0
    # Mean over the periods of ‖xx' - S‖², without a matrix for each.
    spread = float((np.sum(centred**2, axis=1) ** 2).mean() / count - (sample**2).sum() / count)
    return float(min(max(spread / periods, 0.0), distance) / distance)


def _oas(centred: Array, sample: Array) -> float:
    """Equation 23 of the paper."""
    periods, count = centred.shape
    squares = float((sample**2).mean())
    target = float(np.trace(sample) / count) ** 2
    above, below = squares + target, (periods + 1) * (squares - target / count)
    return 1.0 if below <= 0 else min(above / below, 1.0)
