"""Every metric that is shown: its name in files, how it is written, which way is better, and where it lies.

Results are keyed by these: a metric is one number of a model, or, of a class, that class's part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

_UNBOUNDED: Final = (0.0, math.inf)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; two are the same by name and class."""

    name: str  # in files, on the command line, and as an attribute of the models that hold its value
    label: str = field(compare=False, repr=False)
    short: str = field(compare=False, repr=False)  # for narrow places
    digits: int = field(default=3, compare=False, repr=False)  # shown after the point
    lower_is_better: bool = field(default=False, compare=False, repr=False)
    bounds: tuple[float, float] = field(default=(0.0, 1.0), compare=False, repr=False)
    class_index: int | None = None  # of the class; None of a metric that is one number of all classes

    def of_class(self, index: int) -> Metric:
        """The metric of one class, by its label: ``RECALL.of_class(2)``."""
        return replace(self, class_index=index)

    def of(self, model: object) -> float | None:
        """Its value in what holds it by name, a sequence for a metric of a class; None where that has none."""
        value = getattr(model, self.name)
        if self.class_index is not None:
            value = value[self.class_index] if value else None
        return None if value is None else float(value)


BALANCED_ACCURACY: Final = Metric("balanced_accuracy", "balanced accuracy", "balanced acc.")
# Four digits: a sum of squares, which is small where it matters.
ICV: Final = Metric("icv", "ICV", "ICV", digits=4, lower_is_better=True, bounds=_UNBOUNDED)
ICV_ROOT: Final = Metric("icv_root", "√ICV", "√ICV", lower_is_better=True, bounds=_UNBOUNDED)
MACRO_F1: Final = Metric("macro_f1", "macro F1", "F1")
ACCURACY: Final = Metric("accuracy", "accuracy", "acc.")
WORST_RECALL: Final = Metric("worst_recall", "worst-class recall", "worst recall")
G_MEAN: Final = Metric("g_mean", "G-mean", "G-mean")
KAPPA: Final = Metric("kappa", "weighted kappa", "kappa", bounds=(-1.0, 1.0))
MAE: Final = Metric("mae", "MAE (classes)", "MAE", lower_is_better=True, bounds=_UNBOUNDED)
MACRO_MAE: Final = Metric("macro_mae", "macro MAE (classes)", "macro MAE", lower_is_better=True, bounds=_UNBOUNDED)
WITHIN_ONE: Final = Metric("within_one", "within one class", "within one")
ECE: Final = Metric("ece", "ECE", "ECE", lower_is_better=True)
NLL: Final = Metric("nll", "NLL", "NLL", lower_is_better=True, bounds=_UNBOUNDED)
MACRO_AUROC: Final = Metric("macro_auroc", "mean AUROC", "AUROC")
MACRO_AVERAGE_PRECISION: Final = Metric("macro_average_precision", "mean AP", "AP")
# One value per class: used through ``of_class``.
RECALL: Final = Metric("recall", "recall", "recall")
PRECISION: Final = Metric("precision", "precision", "precision")
AUROC: Final = Metric("auroc", "AUROC", "AUROC")
AVERAGE_PRECISION: Final = Metric("average_precision", "average precision", "AP")

RANKING: Final = (BALANCED_ACCURACY, ICV, MACRO_F1)  # the rule: the first, ties by the next
FROM_CONFUSION: Final = (BALANCED_ACCURACY, ICV, ICV_ROOT, MACRO_F1, ACCURACY)  # in records, and resampled
OF_ORDER: Final = (KAPPA, MAE, MACRO_MAE, WITHIN_ONE)  # that classes with an order alone have
# That saved predictions alone give.
FROM_PREDICTIONS: Final = (WORST_RECALL, G_MEAN, *OF_ORDER, ECE, NLL, MACRO_AUROC, MACRO_AVERAGE_PRECISION)
CAN_RANK: Final = (BALANCED_ACCURACY, ICV, ICV_ROOT, MACRO_F1, *FROM_PREDICTIONS)  # all of one number but accuracy
