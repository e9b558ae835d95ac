"""A number of rows -> the shards that they are cut into, by their size and never by the workers."""

from __future__ import annotations

import numpy as np

__all__ = ["SHARD_BYTES", "equal_cuts", "merged_cuts"]

SHARD_BYTES = 2**26  # 64 MB: about 10 ms at the 6 GB/s at which one core goes through memory


def equal_cuts(count: int, shard: int) -> np.ndarray:
    """Return the ends of shards of so many rows each; the last may have fewer.

    Examples
    --------
    >>> equal_cuts(10, 4)
    array([ 0,  4,  8, 10])
    """
    return np.append(np.arange(0, count, shard, dtype=np.int64), np.int64(count))


def merged_cuts(cuts: np.ndarray, most: int) -> np.ndarray:
    """Return some of the cuts, so that a shard has up to `most` rows where that is possible.

    Examples
    --------
    >>> merged_cuts(np.array([0, 2, 4, 6, 16]), 5)
    array([ 0,  4,  6, 16])
    """
    kept = [0]
    for before, cut in zip(cuts.tolist(), cuts.tolist()[1:], strict=False):
        if cut - kept[-1] > most and before > kept[-1]:
            kept.append(before)
    if cuts[-1] > 0:
        kept.append(int(cuts[-1]))
    return np.array(kept, dtype=np.int64)
