"""What a search found, as a table in the terminal and as ``search.csv``: judged on val, with test beside it unused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.formatting import plural
from raysat.search.load import Search
from raysat.search.log import BASE, Candidate, Log, Score, settings_of, values_of

_SHOWN: Final = 12  # candidates in the terminal, besides the base
_NONE: Final = "–"


def show_search(search: Search, log: Log, errors: Mapping[str, str], console: Console) -> None:
    """Print the candidates, best first, and what to make of them; ``errors`` say why jobs failed."""
    ascii_only = console.options.ascii_only
    table = Table(
        box=None if ascii_only else box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="",
    )
    tested = log.reported == "test"
    for name in ("#", "candidate", "val bal. acc.", "val ICV", *(["test bal. acc."] if tested else []), "epochs"):
        table.add_column(name, justify="left" if name == "candidate" else "right", no_wrap=True)
    table.add_column("differs from base in", overflow="fold")
    ranked = log.ranked()
    shown = [each for rank, each in enumerate(ranked) if rank < _SHOWN or each.number == BASE]
    top = max((each.val.balanced_accuracy for each in ranked if each.val), default=None)
    for candidate in shown:
        rank = str(ranked.index(candidate) + 1) if candidate.val else _NONE
        best = candidate.val is not None and candidate.val.balanced_accuracy == top
        scores = [
            Text(_number(candidate.val), style="bold" if best else ""),
            Text(_NONE if candidate.val is None else f"{candidate.val.icv:.4f}"),
            *([Text(_number(candidate.test), style="dim")] if tested else []),
        ]
        what = ", ".join(f"{key}={value}" for key, value in settings_of(search, candidate).items()) or _NONE
        epochs = f"{len(candidate.curve)}/{candidate.config.optim.epochs}"
        state = "" if candidate.val else f" {_state(candidate)}"
        cells = [Text(rank), Text(candidate.name + state), *scores, Text(epochs), Text(what)]
        table.add_row(*(_plain(cell, ascii_only=ascii_only) for cell in cells), style="" if candidate.val else "dim")
    console.print(table)
    console.print()
    for note in [*_rest(ranked, shown), *_notes(search, log)]:
        console.print(_plain(Text(note, style="dim"), ascii_only=ascii_only))
    for candidate in ranked:
        if candidate.state == "failed":
            console.print(f"{candidate.name} failed: {errors.get(candidate.job, 'its cause is lost')}")


def search_csv(search: Search, log: Log) -> str:
    """Every candidate, best first, with its value on each axis; empty where it has none."""
    axes = [axis.name for axis in search.axes]
    columns = ["rank", "candidate", "state", "epochs", "val_balanced_accuracy", "val_icv"]
    columns += ["test_balanced_accuracy", "test_icv", "job", *axes]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for rank, candidate in enumerate(log.ranked(), start=1):
        row: dict[str, object] = {
            "rank": rank if candidate.val else None,
            "candidate": candidate.number,
            "state": _state(candidate),
            "epochs": len(candidate.curve),
            "job": candidate.job,
        }
        for split, score in (("val", candidate.val), ("test", candidate.test)):
            if score is not None:
                row |= {f"{split}_balanced_accuracy": score.balanced_accuracy, f"{split}_icv": score.icv}
        writer.writerow(row | values_of(search, candidate))
    return text.getvalue()


def _number(score: Score | None) -> str:
    return _NONE if score is None else f"{score.balanced_accuracy:.3f}"


def _state(candidate: Candidate) -> str:
    return "interrupted" if candidate.state == "running" else candidate.state


def _rest(ranked: list[Candidate], shown: list[Candidate]) -> Iterator[str]:
    """How many candidates the table leaves out, by what became of them."""
    states = [_state(each) for each in ranked if each not in shown]
    if states:
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        yield f"and {plural(len(states), 'more candidate')}: {counted}"


def _notes(search: Search, log: Log) -> Iterator[str]:
    val, test = log.patches["val"], log.patches["test"]
    tried = sum(each.val is not None for each in log.candidates)
    ranked = log.ranked()
    if ranked and not tried and all(each.state != "running" for each in ranked):
        failed = all(each.state == "failed" for each in ranked)
        yield f"{'every candidate failed' if failed else 'no candidate finished'}: there is nothing to confirm"
    if len(ranked) > 1 and ranked[0].val and ranked[0].number == BASE:
        yield "nothing that was tried beats the base"
    yield f"judged by balanced accuracy on val ({val:,} patches), then lower ICV; n = 1 training seed ({search.seed})"
    if log.reported == "test":
        yield f"test ({test:,} patches) is reported beside it, and decided nothing"
    else:
        yield "there is no test split: val is also the split that is reported, so the best figure here is optimistic,"
        yield "as it was chosen on the very patches that it is measured on"
    if tried > 1:
        yield f"the best of {tried} on val is too good by chance alone: other seeds confirm it or do not"


def _plain(text: Text, *, ascii_only: bool) -> Text:
    if ascii_only:
        text.plain = text.plain.replace(_NONE, "-").encode("ascii", "replace").decode()
    return text
