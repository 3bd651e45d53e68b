"""Shows what can be configured: every method in a line, or one with its settings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from raysat.config.describe import MethodInfo, SectionInfo, SettingInfo
from raysat.views.table import plain_table

_MARGIN: Final = 7  # columns of the word that begins a line
_RANGE: Final = 24  # columns of a range
_WIDEST: Final = 100  # columns that are read at ease


def show_sections(sections: Sequence[SectionInfo], console: Console) -> None:
    """Print each section with its methods: what each does, its paper and its cost; the first one is the default."""
    width = max(len(method.name) for section in sections for method in section.methods)
    indent = " " * (width + 4)
    for section in sections:
        console.print(Text.assemble((section.name, "bold"), f": {section.summary[0].lower()}{section.summary[1:]}"))
        for method in _lines(section):
            console.print(Text(f"  {method.name:<{width}}  {method.summary}"))
            if method.paper or method.cost != "none.":
                cited = "; ".join(filter(None, (_cited(method.paper), f"cost: {method.cost.removesuffix('.')}")))
                told = textwrap.wrap(cited, _width(console), initial_indent=indent, subsequent_indent=indent)
                console.print(Text("\n".join(told), style="dim"))
        console.print()
    console.print("The first of each is its default; of the model's none is set by default.")
    console.print("One with its settings: raysat methods NAME")


def _lines(section: SectionInfo) -> Sequence[MethodInfo | SettingInfo]:
    """The methods of a section; where it has one alone, such as the model, its settings that are methods."""
    if len(section.methods) > 1:
        return section.methods
    return [setting for method in section.methods for setting in method.settings if setting.summary]


def _cited(paper: str) -> str:
    """Authors and year of a paper that is told as ``Cao et al. 2019, "Title".``."""
    return paper.partition(', "')[0]


def _width(console: Console) -> int:
    return min(console.width, _WIDEST)


def show_methods(methods: Sequence[MethodInfo], console: Console) -> None:
    """Print methods one below the other: what each does, when to use it, its cost, its paper, its settings."""
    for number, method in enumerate(methods):
        if number:
            console.print()
        _show(method, console)


def _show(method: MethodInfo, console: Console) -> None:
    width = _width(console)
    is_section = method.name == method.section
    title = method.section if is_section else f"{method.section}: {method.name}"
    console.print(Text(title, style="bold"))
    for line in textwrap.wrap(f"{method.summary}. {method.details}", width):
        console.print(Text(line))
    console.print()
    written = f"{method.section}: {{...}}" if is_section else f"{method.section}: {{kind: {method.name}}}"
    for word, text in (("use", method.use), ("cost", method.cost), ("paper", method.paper), ("write", written)):
        if text:
            indent = " " * _MARGIN
            lines = textwrap.wrap(text, width, initial_indent=f"{word:<{_MARGIN}}", subsequent_indent=indent)
            console.print(Text("\n".join(lines)))
    if not method.settings:
        return
    table = plain_table("setting", "default", "range", "description")
    for column in table.columns[:2]:
        column.no_wrap = True
    table.columns[2].max_width = _RANGE
    for setting in method.settings:
        table.add_row(*map(Text, (setting.name, setting.default, setting.range, setting.description)))
    console.print()
    console.print(table, width=width, soft_wrap=False)
