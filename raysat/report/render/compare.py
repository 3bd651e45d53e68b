"""What changed between two runs, on the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.formatting import number, plural
from raysat.metrics.power import name_of_test
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.compare import Change, Comparison
from raysat.report.format.sentences import MAIN, bracketed, p_value
from raysat.report.format.text import for_terminal
from raysat.report.render.markdown import escape, table

_HEADINGS: Final = {"balanced_accuracy": "balanced acc.", "icv": "ICV", "macro_f1": "macro F1"}


def show_comparison(found: Comparison, console: Console) -> None:
    """Print what the runs differ in, then every arm's change."""
    ascii_only = console.options.ascii_only
    for letter, run in zip("AB", found.runs, strict=True):
        console.print(_text(f"{letter}  {run}", ascii_only=ascii_only))
    console.print()
    if found.differs:
        differs = _table("differs in", "A", "B", ascii_only=ascii_only)
        for row in found.differs:
            differs.add_row(*(_text(cell, ascii_only=ascii_only) for cell in row))
        console.print(differs)
        console.print()
    changes = _table("arm", "A", "B", "bal. acc. B − A", "ICV B − A", "p (Holm)", "n", ascii_only=ascii_only)
    for change in found.changes:
        cells = _row(change)
        changes.add_row(*(_text(cells[n], ascii_only=ascii_only) for n in (0, 1, 2, 3, 4, 7, 8)))
    console.print(changes)
    console.print()
    for note in notes(found):
        console.print(_text(note, ascii_only=ascii_only), style="dim")
    for setting in _settings(found):
        console.print(_text(setting, ascii_only=ascii_only))


def to_markdown(found: Comparison) -> str:
    """The same as Markdown, with the change of every class's recall."""
    measures = [*MAIN, *(name for name in _measures(found) if name.startswith("recall_"))]
    parts = [
        "# Run B against run A",
        "\n".join(f"- {x}: {escape(run)}" for x, run in zip("AB", found.runs, strict=True)),
    ]
    if found.differs:
        rows = list(zip(*found.differs, strict=True))
        heads = ("differs in", "A", "B")
        content = [[head, *map(escape, column)] for head, column in zip(heads, rows, strict=True)]
        parts.append(table(content, left=heads))
    content = [["arm", *(escape(change.arm) for change in found.changes)]]
    for position, heading in ((1, "balanced acc. A"), (2, "B")):
        content.append([heading, *(_row(change)[position] for change in found.changes)])
    for measure in measures:
        label = _HEADINGS.get(measure) or f"recall {found.classes[int(measure.removeprefix('recall_'))]}"
        cells = (bracketed(change.estimates.get(measure), measure) for change in found.changes)
        content.append([escape(f"{label} B − A"), *cells])
    for position, heading in ((-3, "p"), (-2, "p (Holm)"), (-1, "n")):
        content.append([heading, *(_row(change)[position] for change in found.changes)])
    parts.append(table(content))
    parts.append("\n".join(f"- {escape(note)}" for note in notes(found)))
    if settings := [f"- {escape(each)}" for each in _settings(found)]:
        parts += ["Settings that are not the same:", "\n".join(settings)]
    return "\n\n".join(parts) + "\n"


def notes(found: Comparison) -> Iterator[str]:
    """How the comparison was made, and what it could not compare."""
    same = [change for change in found.changes if change.identical]
    if same:
        who = "every arm" if len(same) == len(found.changes) else plural(len(same), "arm")
        yield f"{who} made the same predictions in both runs, patch by patch"
    if found.paired:
        pairs = max((each.n for change in found.changes for each in change.estimates.values()), default=0)
        test = name_of_test(pairs)
        yield f"B − A with 95 % intervals, paired by seed and patch; p is that of balanced accuracy, by the {test}"
    else:
        yield "B − A with 95 % intervals; not measured on the same patches, so nothing is paired, and nothing is tested"
    for run, arms in (("A", found.only_a), ("B", found.only_b)):
        if arms:
            yield f"only in {run}: {', '.join(map(one_line, arms))}"
    if none := [one_line(change.arm) for change in found.changes if not change.estimates]:
        yield f"no seed in common, so not compared: {', '.join(none)}"


def _row(change: Change) -> list[str]:
    first = change.estimates.get(MAIN[0])
    cells = [number(value) for value in change.balanced_accuracy]
    cells += [bracketed(change.estimates.get(name), name) for name in MAIN]
    tests = [p_value(None if first is None else first.p), p_value(None if first is None else first.p_holm)]
    return [one_line(change.arm), *cells, *tests, change.n]


def _settings(found: Comparison) -> Iterator[str]:
    """Each setting that is not the same, and in which arms."""
    arms: dict[str, list[str]] = {}
    for change in found.changes:
        for setting in change.settings:
            arms.setdefault(setting, []).append(one_line(change.arm))
    for setting, where in arms.items():
        yield f"{setting} in {'every arm' if len(where) == len(found.changes) else '; '.join(where)}"


def _measures(found: Comparison) -> list[str]:
    return list(dict.fromkeys(name for change in found.changes for name in change.estimates))


def _table(*headings: str, ascii_only: bool) -> Table:
    made = Table(
        box=None if ascii_only else box.SIMPLE_HEAD,
        padding=(0, 2 if ascii_only else 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="",
    )
    for position, heading in enumerate(headings):
        numeric = position > 0 and headings[0] == "arm"
        made.add_column(
            _text(heading, ascii_only=ascii_only),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric,
        )
    return made


def _text(text: str, *, ascii_only: bool) -> Text:
    return Text(for_terminal(text, ascii_only=ascii_only))
