"""The contrasts that a study plans: ``compare`` in its file, written before anything is trained.

    compare: [LDAM, SWA]                              each with the reference, in balanced accuracy
    compare: [[LDAM, SWA]]                            LDAM with SWA
    compare: [{arm: LDAM, to: SWA, metric: icv}]      the same in full, in another metric

The reference is the arm without any method, or else the first; it is named when the study is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from raysat.config.yaml_source import YamlValue
from raysat.errors import did_you_mean, suggest
from raysat.formatting import echo, one_line
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, FROM_CONFUSION, PRECISION, RECALL, Metric

COMPARABLE: Final = tuple(metric.name for metric in FROM_CONFUSION if metric != ACCURACY)
OF_A_CLASS: Final = (RECALL, PRECISION)  # ``recall_forest``
MOST: Final = 1_000  # contrasts: each is one more that Holm corrects for
_KEYS: Final = ("arm", "to", "metric")
_HINT: Final = "such as compare: [LDAM], compare: [[LDAM, plain]] or compare: [{arm: LDAM, to: plain, metric: icv}]"


@dataclass(frozen=True, slots=True)
class PlannedContrast:
    """An arm minus another one, in one metric."""

    arm: str
    to: str | None = None  # None: the reference, where it is not named yet
    metric: str = BALANCED_ACCURACY.name  # in files; of a class ``recall_forest``
    place: str = field(default="", compare=False, repr=False)  # where it is written: file:line

    def __str__(self) -> str:
        return f"{one_line(self.arm)} minus {one_line(self.to or 'the reference')}, {self.metric}"


def read_contrasts(document: YamlValue, arms: Sequence[str]) -> tuple[PlannedContrast, ...]:
    """Return what a study plans to compare; empty where it does not say.

    Args:
        document: the study file.
        arms: names of its arms.

    Raises:
        StudyError: an arm or a metric that there is not, an arm with itself, a contrast that is planned twice.
    """
    written = document.value.get("compare")
    if "compare" not in document.value:
        return ()
    if not isinstance(written, list) or not written:
        raise document.error(f"compare must be a list of contrasts, got {echo(written)}", "compare", hint=_HINT)
    if len(written) > MOST:
        message = f"compare: a study plans {MOST:,} contrasts at most, got {len(written):,}"
        raise document.error(message, "compare", hint="plan the few that matter: Holm corrects for all of them")
    found: dict[PlannedContrast, None] = {}
    for position in range(len(written)):
        item = document.child("compare", position)
        contrast = _read(item, arms)
        if contrast in found:
            raise item.error(f"compare: {contrast} is planned twice", hint="plan it once")
        found[contrast] = None
    return tuple(found)


def known_metric(name: str, classes: Sequence[str]) -> Metric | None:
    """Return the metric of a contrast by its name in files, or None where there is none.

    Args:
        name: such as ``icv``, or of a class ``recall_forest``.
        classes: names of the classes.
    """
    by_name = {metric.name: metric for metric in FROM_CONFUSION if metric.name in COMPARABLE}
    by_name |= {f"{m.name}_{label}": m.of_class(k) for m in OF_A_CLASS for k, label in enumerate(classes)}
    return by_name.get(name)


def unknown_metric_hint(name: str, classes: Iterable[str] = ()) -> str:
    """What to write in place of a metric that there is not."""
    if name == ACCURACY.name:
        return "accuracy rewards neglect of the rare classes; compare in balanced_accuracy, icv or macro_f1"
    return suggest(name, [*COMPARABLE, *(f"{metric.name}_{label}" for metric in OF_A_CLASS for label in classes)])


def _read(item: YamlValue, arms: Sequence[str]) -> PlannedContrast:
    value = item.value
    if isinstance(value, list):
        if len(value) != 2:
            raise item.error(f"compare: a pair is [arm, to], got {echo(value)}", hint=_HINT)
        parts: dict[str, Any] = dict(zip(_KEYS, value, strict=False))
    elif isinstance(value, dict):
        item.check_keys(_KEYS)
        parts = value
        if "arm" not in parts:
            raise item.error("compare: a contrast needs an arm", hint=_HINT)
    else:
        parts = {"arm": value}
    for key in ("arm", "to"):
        if key in parts:
            _check_arm(item, parts[key], arms)
    if parts["arm"] == parts.get("to"):
        raise item.error(f"compare: {echo(parts['arm'])} is compared with itself", hint="name two arms")
    metric = parts.get("metric", BALANCED_ACCURACY.name)
    of_class = isinstance(metric, str) and metric.startswith(tuple(f"{each.name}_" for each in OF_A_CLASS))
    if metric not in COMPARABLE and not of_class:
        raise item.error(
            f"compare: no contrast is tested in {echo(metric)}", "metric", hint=unknown_metric_hint(str(metric))
        )
    return PlannedContrast(parts["arm"], parts.get("to"), metric, item.location())


def _check_arm(item: YamlValue, name: object, arms: Sequence[str]) -> None:
    if name in arms:
        return
    quoted = did_you_mean(name, arms) or f"its arms are {', '.join(map(one_line, arms[:8]))}" + ", ..." * (
        len(arms) > 8
    )
    raise item.error(f"compare: the study has no arm {echo(name)}", hint=quoted)
