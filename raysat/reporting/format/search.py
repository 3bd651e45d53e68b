"""What a search found, as a table and what to make of it: judged on val, with test beside it unused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from raysat.formatting import NONE, number, plural
from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, Metric
from raysat.reporting.format.cells import whole_cell, words
from raysat.reporting.format.document import Block, Bullets, Text
from raysat.reporting.format.table import Cell, Emphasis, Heading, Table, make_table
from raysat.search.load import Search
from raysat.search.log import BASE, Candidate, Log, Score, settings_of

_SHOWN: Final = 12  # candidates, besides the base


def search_blocks(search: Search, log: Log, errors: Mapping[str, str]) -> list[Block]:
    """Return the best candidates, and what to make of them.

    Args:
        search: the space.
        log: its candidates.
        errors: why jobs failed, by job.
    """
    ranked = log.ranked()
    shown = [candidate for rank, candidate in enumerate(ranked) if rank < _SHOWN or candidate.number == BASE]
    failed = [candidate for candidate in ranked if candidate.state == "failed"]
    return [
        candidates_table(search, log, shown),
        Bullets([*_rest(ranked, shown), *_notes(search, log)]),
        *(Text(f"{candidate.name} failed: {errors.get(candidate.job, 'its cause is lost')}") for candidate in failed),
    ]


def candidates_table(search: Search, log: Log, candidates: Sequence[Candidate]) -> Table:
    """Return candidates by their score on val; what a score decides is never test's.

    Args:
        search: the space.
        log: of the whole search, which ranks.
        candidates: those to show, best first.
    """
    ranks = {candidate.number: rank for rank, candidate in enumerate(log.ranked(), 1) if candidate.val}
    top = max((candidate.val.balanced_accuracy for candidate in candidates if candidate.val), default=None)

    def scores(split: Sequence[Score | None], metric: Metric, *, best: float | None = None) -> list[Cell]:
        values = [metric.of(score) if score else None for score in split]
        return [
            Cell(
                text=number(value, metric.digits),
                value=value,
                emphasis=Emphasis.STRONG if value is not None and value == best else Emphasis.PLAIN,
            )
            for value in values
        ]

    val, test = [candidate.val for candidate in candidates], [candidate.test for candidate in candidates]
    ranked = [ranks.get(candidate.number) for candidate in candidates]
    names = [words(candidate.name, "" if candidate.val else state(candidate)) for candidate in candidates]
    epochs = [(len(candidate.curve), candidate.config.epochs) for candidate in candidates]
    settings = [
        ", ".join(f"{key}={value}" for key, value in settings_of(search, candidate).items()) for candidate in candidates
    ]
    tested = (Heading(text="test bal. acc."), scores(test, BALANCED_ACCURACY))
    return make_table(
        "candidates",
        "",
        [
            (Heading(text="#"), [whole_cell(rank) for rank in ranked]),
            (Heading(text="candidate", words=True), names),
            (Heading(text="val bal. acc."), scores(val, BALANCED_ACCURACY, best=top)),
            (Heading(text="val ICV"), scores(val, ICV)),
            *([tested] if log.reported == "test" else []),
            (Heading(text="epochs"), [Cell(text=f"{done}/{planned}", value=done) for done, planned in epochs]),
            (Heading(text="differs from base in", words=True), [words(text or NONE) for text in settings]),
        ],
        row_heading=1,
    )


def state(candidate: Candidate) -> str:
    """What became of a candidate."""
    return "interrupted" if candidate.state == "running" else candidate.state


def _rest(ranked: Sequence[Candidate], shown: Sequence[Candidate]) -> Iterator[str]:
    """How many candidates the table leaves out, by what became of them."""
    states = [state(candidate) for candidate in ranked if candidate not in shown]
    if states:
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        yield f"and {plural(len(states), 'more candidate')}: {counted}"


def _notes(search: Search, log: Log) -> Iterator[str]:
    val, test = log.patches["val"], log.patches["test"]
    tried = sum(candidate.val is not None for candidate in log.candidates)
    ranked = log.ranked()
    if ranked and not tried and all(candidate.state != "running" for candidate in ranked):
        failed = all(candidate.state == "failed" for candidate in ranked)
        yield f"{'every candidate failed' if failed else 'no candidate finished'}: there is nothing to confirm"
    if len(ranked) > 1 and ranked[0].val and ranked[0].number == BASE:
        yield "nothing that was tried beats the base"
    yield f"judged by balanced accuracy on val ({val:,} patches), then lower ICV; n = 1 training seed ({search.seed})"
    if log.reported == "test":
        yield f"test ({test:,} patches) is reported beside it, and decided nothing"
    else:
        yield (
            "there is no test split: val is also the split that is reported, so the best figure here is optimistic, "
            "as it was chosen on the very patches that it is measured on"
        )
    if tried > 1:
        yield f"the best of {tried} on val is too good by chance alone: other seeds confirm it or do not"
