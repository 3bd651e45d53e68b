"""Shows a plugin: what it adds, and what the contract tests found of it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from raysat.config.describe import MethodInfo
from raysat.config.plugins.source import PluginSource
from raysat.formatting import plural
from raysat.training.contract.findings import CheckedMethod
from raysat.views.table import plain_table


def show_plugin(source: PluginSource, methods: Sequence[MethodInfo], console: Console) -> None:
    """Print what a plugin adds, a method a line.

    Args:
        source: of the plugin.
        methods: what it adds.
        console: where to.
    """
    console.print(Text(f"{source.name} ({source.digest}): {plural(len(methods), 'method')}"))
    for method in methods:
        console.print(Text(f"  {method.section}: {method.name}  {method.summary}"))


def show_checked(source: PluginSource, methods: Sequence[CheckedMethod], console: Console) -> None:
    """Print what was found of each method of a plugin, a test a line.

    Args:
        source: of the plugin.
        methods: with what was found.
        console: where to.
    """
    console.print(Text(f"{source.name} ({source.digest})"))
    for method in methods:
        console.print(Text(f"{method.section}: {method.kind}", style="bold"))
        table = plain_table("test", "found")
        for found in method.findings:
            table.add_row(Text(found.check), Text(found.fault or "ok"))
        console.print(table)
