"""Which subsets of k studies are pooled: all of at least two, or a sample of these."""

import numpy as np

from metamill.pooling.profile import Array

_WORD = 64


def possible_subsets(k: int) -> int:
    """How many subsets of at least two of k studies there are: 2^k - k - 1."""
    return (1 << k) - k - 1


def every_subset(k: int) -> Array:
    """All of them, as (k, 2^k - k - 1) of 0 and 1, for k up to 24.

    In the order of the numbers whose bit j says whether study j is in.
    """
    keep = np.zeros((k, 1 << k), np.uint8)
    for study in range(k):
        keep[study].reshape(-1, 2, 1 << study)[:, 1] = 1
    return np.delete(keep, [0, *(1 << study for study in range(k))], axis=1)


def sampled_subsets(k: int, count: int, seed: int) -> Array:
    """`count` different subsets of at least two of k studies, as (k, count) of 0 and 1.

    Each study is in with probability 1/2, independently; subsets drawn before, and those of fewer
    than two studies, are drawn again. The bits are those of the PCG64 generator, whose stream numpy
    keeps from version to version. Raises ValueError where there are not so many subsets.
    """
    if count > possible_subsets(k):
        raise ValueError(f"{k} studies have {possible_subsets(k)} subsets, not {count}")
    source = np.random.PCG64(seed)
    words = -(-k // _WORD)
    found = np.empty((0, k), np.uint8)
    while len(found) < count:
        raw = source.random_raw(words * (count - len(found) + 16)).reshape(-1, words)
        bits = np.unpackbits(raw.astype("<u8").view(np.uint8), axis=1, bitorder="little")[:, :k]
        found = np.vstack([found, bits[bits.sum(axis=1) >= 2]])
        packed = np.packbits(found, axis=1)
        whole = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
        found = found[np.sort(np.unique(whole, return_index=True)[1])]
    return np.ascontiguousarray(found[:count].T)
