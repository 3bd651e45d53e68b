"""The tables of what was measured, beside what the same script measured before; written into pages of ``docs``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

Values = Mapping[str, Any]  # of one row
Measured = dict[str, dict[str, Values]]  # part -> row -> values
_BEGIN: Final = "<!-- written by benchmarks/scale.py -->"
_END: Final = "<!-- end of what benchmarks/scale.py writes -->"
_TITLES: Final = {
    "runs": "Commands on runs of 1,000 trials (100 arms) and 10,000 (1,000 arms)",
    "plans": "Plans of which nothing is trained",
    "slots": "A driver of many slots: simulated time, real parts, without Ray",
    "checkpoints": "What checkpoints cost (`benchmarks/checkpoints.py`)",
}
_COMMANDS: Final = {"cpu": "s", "wall": "wall s", "megabytes": "MB", "lines": "lines"}
_DRIVER: Final = {
    "jobs": "jobs",
    "events": "events",
    "seconds": "s",
    "planning": "of it, planning",
    "feeding": "choosing jobs",
    "hearing": "hearing of epochs",
    "finishing": "ending jobs",
}


def read_before(file: Path) -> Measured:
    """What was measured before, with the commit as ``commit``; empty where nothing was."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def in_words(values: Values) -> str:
    """A row as one line, for whoever waits."""
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items())


def tables(found: Measured, before: Measured) -> str:
    """The tables as Markdown, those of the parts that were measured."""
    parts = []
    for part, rows in found.items():
        parts.append(f"### {_TITLES[part]}")
        if part == "checkpoints":
            parts.append(f"```text\n{rows['cost']['printed'].strip()}\n```")
        else:
            parts.append(_table(rows, before.get(part, {}), is_driver=part == "slots"))
    return "\n\n".join(parts)


def _table(rows: Mapping[str, Values], before: Mapping[str, Values], *, is_driver: bool) -> str:
    columns, key = (_DRIVER, "seconds") if is_driver else (_COMMANDS, "cpu")
    head = ["", "s before", *columns.values(), *(("ms a job", "µs an event") if is_driver else ())]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, values in rows.items():
        cells = [name, _number(before[name][key]) if name in before else "–"]
        cells += [_number(values[column]) for column in columns]
        if is_driver:
            cells += [_number(scale * values[key] / values[of]) for scale, of in ((1e3, "jobs"), (1e6, "events"))]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(file: Path, text: str) -> None:
    """Put the tables between the page's markers."""
    page = file.read_text(encoding="utf-8")
    head, _, rest = page.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    file.write_text(f"{head}{_BEGIN}\n\n{text}\n\n{_END}{tail}", encoding="utf-8")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
