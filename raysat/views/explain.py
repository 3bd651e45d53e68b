"""Shows an arm in full: each setting, its value, and what sets it."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from raysat.errors import with_options
from raysat.planning.explain import ExplainedArm
from raysat.views.table import plain_table


def show_explained(arm: ExplainedArm, console: Console) -> None:
    """Print the settings of an arm, those that are defaults or do nothing dimmed, and why these do nothing."""
    console.print(Text.assemble("arm ", (arm.name, "bold"), f" of study {arm.study}"))
    console.print()
    table = plain_table("setting", "value", "from", "place")
    for setting in arm.settings:
        dim = "dim" if setting.no_effect or setting.source == "default" else ""
        value = f"{setting.value} (no effect)" if setting.no_effect else setting.value
        cells = (setting.key, value, setting.source, with_options(setting.place))
        table.add_row(*(Text(cell, style=dim) for cell in cells))
    console.print(table)
    reasons = dict.fromkeys(setting.no_effect for setting in arm.settings if setting.no_effect)
    if reasons:
        console.print()
    for reason in reasons:
        lines = textwrap.wrap(reason, console.width, initial_indent="no effect  ", subsequent_indent=" " * 11)
        console.print(Text("\n".join(lines)))
