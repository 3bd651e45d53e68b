"""Shows what looks at a growing study have decided."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from raysat.formatting import one_line, plural
from raysat.reporting.analysis.looks import Looked
from raysat.reporting.format.numbers import format_difference, format_interval, p_value
from raysat.reporting.format.planned import adjusted, verdict
from raysat.views.table import plain_table


def show_looked(looked: Looked, console: Console) -> None:
    """Print what is decided and what not, a line a contrast."""
    decided = sum(each.decided for each in looked.decisions)
    console.print(
        f"look {len(looked.seeds)} of {len(looked.sizes)}   {looked.seeds[-1]} of at most {looked.most} seeds: "
        f"{decided} of {plural(len(looked.decisions), 'contrast')} decided"
    )
    table = plain_table("contrast", "metric", right=("difference", "over all looks", "p after Holm", "decided"))
    for each in looked.decisions:
        estimate = adjusted(each)
        numbers = [format_difference(each.value, 4), format_interval(estimate, 4), p_value(each.p_holm), verdict(each)]
        names = f"{one_line(each.contrast.arm)} minus {one_line(each.contrast.to)}"
        table.add_row(Text(names), Text(each.contrast.metric), *map(Text, numbers))
    console.print(table)
