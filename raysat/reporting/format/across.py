"""The page of several data sets: what holds on all of them, on each, and what a further one may show."""

from __future__ import annotations

from collections.abc import Iterator

from raysat.formatting import NONE, number, one_line, plural
from raysat.metrics.catalog import BALANCED_ACCURACY, Metric
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.across import METRICS, Across, Gain
from raysat.reporting.format.cells import ARM, difference_cell, estimate_cell, p_cell, percent_cell, whole_cell, words
from raysat.reporting.format.document import Block, Bullets, Document, Figure, Fold, Section
from raysat.reporting.format.numbers import format_difference, format_estimate, p_value
from raysat.reporting.format.sentences import name_list
from raysat.reporting.format.table import Cell, Column, Heading, Table, make_table


def across_page(found: Across) -> Document:
    """The page of the same arms on several data sets."""
    main = BALANCED_ACCURACY
    others = [metric for metric in METRICS if metric != main]
    return Document(
        title=f"{one_line(found.study)} on {plural(len(found.data_sets), 'data set')}",
        subtitle=", ".join(one_line(each.name) for each in found.data_sets),
        headline=list(headline(found)),
        sections=[
            Section("data", "Data sets", [data_table(found)], essential=True),
            Section(
                "gains",
                f"Gain over {_label(found, found.baseline)}",
                [
                    Figure("gains"),
                    gains_table(found, main),
                    summary_table(found, main),
                    *(Fold(f"In {metric.label}", _both(found, metric)) for metric in others),
                ],
                essential=True,
            ),
            Section("ranks", "Ranks", [Figure("ranks"), ranks_table(found), Bullets(list(_ranks(found)))]),
            Section("values", "What each arm reaches", [values_table(found, metric) for metric in METRICS]),
            Section("without", "One data set left out", [without_table(found, main)]),
            Section("method", "How it was computed", [Bullets(list(_method(found)))]),
        ],
    )


def _both(found: Across, metric: Metric) -> list[Block]:
    return [gains_table(found, metric), summary_table(found, metric)]


def headline(found: Across) -> Iterator[str]:
    """What holds on the data sets together, and what does not."""
    base, k = _label(found, found.baseline), len(found.data_sets)
    gains = {arm: of[BALANCED_ACCURACY] for arm, of in found.gains.items()}
    shown = {arm: gain for arm, gain in gains.items() if gain.p_holm <= LEVEL and gain.estimate.value > 0}
    best = max(gains, key=lambda arm: gains[arm].estimate.value)
    if shown:
        for arm in sorted(shown, key=lambda arm: -shown[arm].estimate.value):
            yield f"{_label(found, arm)} gains over {base}: {_words(shown[arm])}."
    else:
        yield (
            f"No arm is shown to gain over {base} in balanced accuracy over these {k} data sets (5 %, after Holm). "
            f"Ahead by the most is {_label(found, best)}: {_words(gains[best])}."
        )
    if mixed := [arm for arm, gain in gains.items() if gain.clearly_ahead and gain.clearly_behind]:
        names = name_list([_label(found, arm) for arm in mixed])
        yield f"Better on one data set and worse on another, with intervals that leave zero out: {names}."
    if found.folds:
        yield (
            f"Folds of one data set, and not data sets of their own: {name_list(found.folds)}. They train on shared "
            "patches, so intervals over them are too narrow, and say nothing of other data."
        )
    if k < 5:
        yield (
            f"{plural(k, 'data set')} say little of others: an interval over so few is wide, and a further data set "
            "may differ by more."
        )
    if found.left_out:
        left = name_list([one_line(arm) for arm in found.left_out])
        yield f"Not on all data sets with two seeds, and so left out: {left}."


def _words(gain: Gain) -> str:
    """A gain with its interval, p, and on how many data sets it is ahead."""
    pooled = gain.pooled
    further = ""
    if pooled.predicted is not None:
        low, high = (format_difference(end) for end in pooled.predicted)
        further = f"; on a further data set between {low} and {high}"
    return (
        f"{format_estimate(gain.estimate)} balanced accuracy (p = {p_value(gain.p_holm)} after Holm, "
        f"n = {plural(pooled.n, 'data set')}), ahead on {gain.ahead} of {pooled.n}{further}"
    )


def data_table(found: Across) -> Table:
    """A row per data set: its patches, classes, and the share of the rarest one."""
    boards = [each.board for each in found.data_sets]
    supports = [board.support or () for board in boards]
    rare = [min(support) / sum(support) if support and sum(support) else None for support in supports]
    seeds = [min(arm.n for arm in board.arms) for board in boards]
    return make_table(
        "data_sets",
        "The data sets; patches are those of the split that is reported.",
        [
            (Heading(text="data set", words=True), [words(each.name) for each in found.data_sets]),
            (Heading(text="split", words=True, room=20), [words(board.reported) for board in boards]),
            (Heading(text="patches"), [whole_cell(sum(support)) for support in supports]),
            (Heading(text="classes"), [whole_cell(len(board.classes)) for board in boards]),
            (Heading(text="rarest class", room=16), [percent_cell(share) for share in rare]),
            (Heading(text="seeds", room=12), [whole_cell(n) for n in seeds]),
        ],
    )


def gains_table(found: Across, metric: Metric) -> Table:
    """A row per arm, a column per data set: its gain over the baseline, then that over all of them."""
    arms = list(found.gains)
    columns: list[Column] = [(ARM, [words(_label(found, arm)) for arm in arms])]
    for each in found.data_sets:
        cells = [difference_cell(each.gains[arm][metric], metric.digits) for arm in arms]
        columns.append((Heading(text=one_line(each.name), room=24), cells))
    pooled = [difference_cell(found.gains[arm][metric].estimate, metric.digits) for arm in arms]
    columns.append((Heading(text="all", below="mean"), pooled))
    columns.append(
        (Heading(text="p after Holm", short="p (Holm)"), [p_cell(found.gains[a][metric].p_holm) for a in arms])
    )
    return make_table(
        f"gains_{metric.name}",
        f"Each arm minus {_label(found, found.baseline)} in {metric.label}"
        f"{' (lower is better)' * metric.lower_is_better}: on each data set over seeds and patches, and the mean over "
        "data sets by random effects. Intervals are of 95 %.",
        columns,
    )


def summary_table(found: Across, metric: Metric) -> Table:
    """A row per arm: how its gains agree, and where that on a further data set lies."""
    arms = list(found.gains)
    gains = [found.gains[arm][metric] for arm in arms]
    return make_table(
        f"agreement_{metric.name}",
        f"How far the data sets agree on the gain in {metric.label}.",
        [
            (ARM, [words(_label(found, arm)) for arm in arms]),
            (Heading(text="ahead on"), [Cell(text=f"{g.ahead} of {g.pooled.n}", value=g.ahead) for g in gains]),
            (Heading(text="clearly ahead", room=16), [whole_cell(gain.clearly_ahead) for gain in gains]),
            (Heading(text="clearly behind", room=18), [whole_cell(gain.clearly_behind) for gain in gains]),
            (Heading(text="sd between data sets", short="sd"), [_number(g.pooled.tau, metric.digits) for g in gains]),
            (Heading(text="I²", room=14), [percent_cell(gain.pooled.i2) for gain in gains]),
            (Heading(text="p of one effect", room=20), [p_cell(gain.pooled.q_p) for gain in gains]),
            (Heading(text="a further data set", room=10), [_predicted(gain, metric.digits) for gain in gains]),
        ],
    )


def ranks_table(found: Across) -> Table:
    """A row per arm: its mean rank in each metric."""
    places = {metric: dict(zip(of.arms, of.ranks, strict=True)) for metric, of in found.ranks.items()}
    return make_table(
        "mean_ranks",
        f"Mean rank over {plural(len(found.data_sets), 'data set')}; 1 is the best.",
        [
            (ARM, [words(_label(found, arm)) for arm in found.arms]),
            *(
                (Heading(text=metric.label, room=10 * k), [_number(places[metric][arm], 2) for arm in found.arms])
                for k, metric in enumerate(METRICS)
            ),
        ],
    )


def values_table(found: Across, metric: Metric) -> Table:
    """A row per arm, a column per data set: what it reaches."""
    return make_table(
        f"values_{metric.name}",
        f"{metric.label[0].upper()}{metric.label[1:]}: means over seeds with 95 % intervals over seeds and patches.",
        [
            (ARM, [words(_label(found, arm)) for arm in found.arms]),
            *(
                (
                    Heading(text=one_line(each.name), room=10 * k),
                    [estimate_cell(each.means[arm][metric], metric.digits) for arm in found.arms],
                )
                for k, each in enumerate(found.data_sets)
            ),
        ],
    )


def without_table(found: Across, metric: Metric) -> Table:
    """A row per arm, a column per data set that is left out: the mean gain over the others."""
    arms = list(found.gains)
    columns: list[Column] = [(ARM, [words(_label(found, arm)) for arm in arms])]
    for each in found.data_sets:
        pooled = [found.gains[arm][metric].without[each.name] for arm in arms]
        cells = [
            Cell(text=format_difference(of.value, metric.digits), value=of.value, below=_ends(of.low, of.high))
            for of in pooled
        ]
        columns.append((Heading(text=f"without {one_line(each.name)}", room=20), cells))
    return make_table(f"without_{metric.name}", f"Mean gain in {metric.label} where one data set is left out.", columns)


def _ranks(found: Across) -> Iterator[str]:
    ranks = found.ranks[BALANCED_ACCURACY]
    if ranks.p is None or ranks.critical is None:
        yield "Ranks are tested for three arms or more."
        return
    yield (
        f"Balanced accuracy: Friedman's test that all arms rank alike has p = {p_value(ranks.p)} (Iman and Davenport's "
        f"F, n = {plural(ranks.n, 'data set')}). Mean ranks that lie less than {number(ranks.critical, 2)} apart are "
        "not told apart at 5 % (Nemenyi)."
    )
    most = len(ranks.arms) - 1
    if ranks.critical >= most:
        yield f"With so few data sets no two of {len(ranks.arms)} arms can be told apart by ranks alone."


def _method(found: Across) -> Iterator[str]:
    yield (
        "Within a data set differences are paired by seed and patch; their standard error has the seeds' part and the "
        "patches'."
    )
    yield (
        "Over data sets: random effects, the variance between data sets by Paule and Mandel (1982), intervals by "
        "Hartung and Knapp (2001), never narrower than without their factor; p after Holm over "
        f"{plural(len(found.gains), 'arm')}."
    )
    yield "The interval of a further data set is the prediction interval of IntHout et al. (2016); it needs three."
    yield "Classes may differ between data sets: ICV adds up over classes, so compare its gains with that in mind."


def _label(found: Across, arm: str) -> str:
    return found.labels[arm]


def _number(value: float, digits: int) -> Cell:
    return Cell(text=number(value, digits), value=value)


def _predicted(gain: Gain, digits: int) -> Cell:
    if gain.pooled.predicted is None:
        return Cell(text=NONE)
    low, high = gain.pooled.predicted
    return Cell(text=_ends(low, high, digits), value=low)


def _ends(low: float | None, high: float | None, digits: int = 3) -> str:
    return (
        "" if low is None or high is None else f"[{format_difference(low, digits)}, {format_difference(high, digits)}]"
    )
