"""How much labels are smoothed by class: more where a class has more patches (Zhong et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def smoothing_by_class(counts_K: npt.NDArray[Any], *, head: float, tail: float) -> npt.NDArray[np.float64]:
    """Return the share of each class's target that is spread (Zhong et al. 2021, eq. 6, the concave form).

    Args:
        counts_K: training patches of each class.
        head: share of the largest class.
        tail: share of the smallest class.

    Returns:
        The shares, shape (K,): ``head`` for all where classes are equal.
    """
    above_K = counts_K - counts_K.min()
    position_K = above_K / above_K.max() if above_K.any() else np.ones(len(counts_K))
    return tail + (head - tail) * np.sin(position_K * np.pi / 2)
