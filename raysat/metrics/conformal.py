"""Sets of classes that hold the true one as often as is asked for, in every class alone.

Class-conditional split conformal prediction (Sadinle, Lei & Wasserman 2019, "Least ambiguous set-valued classifiers
with bounded error levels", JASA 114; Vovk 2012 calls it Mondrian): the score of a patch is 1 - p[y]. Class k is in the
set of a patch where 1 - p[k] is at most q_k, the ceil((n_k + 1) (1 - a))-th smallest score of the n_k calibration
patches of that class. Patches of class k are then covered with probability 1 - a at least, whatever the model; of
imbalanced data a threshold for all classes would cover the rare ones less. Sets may be empty. A class of fewer than
1/a - 1 calibration patches is in every set: nothing less is certain of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


def thresholds(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], coverage: float) -> Floats:
    """Return the largest score (K,) with which each class is in a set; infinite where it always is.

    Args:
        labels: (N,) of calibration patches.
        probabilities: (N, K) of these.
        coverage: 1 - a, such as 0.9.
    """
    found = np.full(probabilities.shape[1], np.inf)
    for k in range(len(found)):
        scores = np.sort(1 - probabilities[labels == k, k].astype(np.float64))
        rank = math.ceil((len(scores) + 1) * coverage - 1e-9)  # of a product that is whole but for rounding
        if rank <= len(scores):
            found[k] = scores[rank - 1]
    return found


def prediction_sets(probabilities: npt.NDArray[Any], most: Floats) -> npt.NDArray[np.bool_]:
    """Return which classes are in the set of each patch, (N, K).

    Args:
        probabilities: (N, K) of patches that the thresholds were not made from.
        most: (K,) as ``thresholds`` returns them.
    """
    sets: npt.NDArray[np.bool_] = 1 - probabilities.astype(np.float64) <= most
    return sets
