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
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How sets did on patches that they were not made from; None of a class without any."""

    by_class: tuple[float | None, ...]  # share of a class's patches whose set holds it
    size: float  # classes in a set, on average
    empty: float  # share of sets without a class


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


def covered(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], most: Floats) -> Coverage:
    """Return how sets do.

    Args:
        labels: (N,) of test patches.
        probabilities: (N, K) of these.
        most: (K,) as ``thresholds`` returns them.
    """
    sets = 1 - probabilities.astype(np.float64) <= most
    hit = sets[np.arange(len(labels)), labels]
    of_class = [hit[labels == k] for k in range(probabilities.shape[1])]
    sizes = sets.sum(axis=1)
    return Coverage(
        by_class=tuple(float(hits.mean()) if len(hits) else None for hits in of_class),
        size=float(sizes.mean()),
        empty=float((sizes == 0).mean()),
    )
