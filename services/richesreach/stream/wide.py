"""Exact integers of more than 64 bits, many at a time: limbs of 32 bits in int64, the least first.

The sum of sizes of a busy hour and any product of price and size can exceed 64 bits. Limbs are added like
other numbers, 2^29 times before one could overflow; `carry` makes them small again. The last has the sign.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
BITS = 32
_MASK = 2**BITS - 1
# Limbs of a sum of sizes, and of a sum of products.
OF_SIZE, OF_PRODUCT = 2, 4


def split(sizes: Integers) -> Integers:
    """Numbers (n) as limbs (2, n), of which the second has the sign."""
    limbs = np.empty((OF_SIZE, len(sizes)), np.int64)
    np.bitwise_and(sizes, _MASK, out=limbs[0])
    np.right_shift(sizes, BITS, out=limbs[1])
    return limbs


def product(prices: Integers, sizes: Integers) -> Integers:
    """Any prices times sizes of 0 or more, both (n), as limbs (4, n)."""
    pairs = split(prices)[:, np.newaxis] * split(sizes)  # (limb of the price, limb of the size, n)
    low, high = pairs & _MASK, pairs >> BITS
    # Two numbers below 2^32: their product needs all 64 bits, none of them for a sign.
    high[0, 0] &= _MASK
    limbs = np.empty((OF_PRODUCT, len(prices)), np.int64)
    limbs[0] = low[0, 0]
    limbs[1] = high[0, 0] + low[0, 1] + low[1, 0]
    limbs[2] = high[0, 1] + high[1, 0] + low[1, 1]
    limbs[3] = high[1, 1]
    return limbs


def carry(limbs: Integers) -> None:
    """Bring every limb but the last, of (n, limbs), into 0 to 2^32 - 1, in place."""
    for limb in range(limbs.shape[1] - 1):
        limbs[:, limb + 1] += limbs[:, limb] >> BITS
        limbs[:, limb] &= _MASK


def as_float(limbs: Integers) -> NDArray[np.float64]:
    """The nearest floats or their neighbours, of (n, limbs) that were carried."""
    total = limbs[:, -1].astype(np.float64)
    for limb in range(limbs.shape[1] - 2, -1, -1):
        total = total * 2.0**BITS + limbs[:, limb]
    return total


def as_integers(limbs: Integers) -> list[int]:
    """The numbers themselves, of (n, limbs)."""
    return [whole(row) for row in limbs.tolist()]


def whole(row: Sequence[int]) -> int:
    """The number that one row of limbs stands for."""
    return sum(limb << (BITS * place) for place, limb in enumerate(row))
