"""The catalogue of metrics: one entry a metric, whose name is where its value is."""

from raysat.metrics import catalog
from raysat.metrics.catalog import ACCURACY, AUROC, AVERAGE_PRECISION, ICV, PRECISION, RECALL, Metric
from raysat.metrics.confusion import Metrics
from raysat.metrics.probabilistic import Scores

ALL = [value for value in vars(catalog).values() if isinstance(value, Metric)]


def test_every_metric_has_a_name_and_a_label_of_its_own() -> None:
    assert len({metric.name for metric in ALL}) == len({metric.label for metric in ALL}) == len(ALL)


def test_names_are_those_of_the_values() -> None:
    values = set(Metrics.model_fields) | set(Scores.__dataclass_fields__)
    assert {metric.name.removeprefix("macro_") if "macro_a" in metric.name else metric.name for metric in ALL} <= values


def test_a_class_makes_another_metric() -> None:
    assert RECALL.of_class(2) == RECALL.of_class(2) != RECALL.of_class(1)
    assert RECALL.of_class(2).class_index == 2
    assert RECALL.class_index is None
    assert len({RECALL, RECALL.of_class(0), PRECISION.of_class(0)}) == 3


def test_accuracy_cannot_rank_and_every_other_single_number_can() -> None:
    assert ACCURACY not in catalog.CAN_RANK
    assert set(catalog.RANKING) < set(catalog.CAN_RANK)
    single = set(ALL) - {RECALL, PRECISION, AUROC, AVERAGE_PRECISION}
    assert {*catalog.CAN_RANK, ACCURACY} == single == {*catalog.FROM_CONFUSION, *catalog.FROM_PREDICTIONS}


def test_what_is_better_and_where_it_lies() -> None:
    assert ICV.lower_is_better
    assert ICV.digits == 4
    assert ICV.bounds[1] == float("inf")
    assert all(metric.bounds[0] < metric.bounds[1] for metric in ALL)
    assert ACCURACY.short == "acc."
