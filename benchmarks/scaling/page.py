"""The tables of what was measured, beside what the same script measured before; written into ``docs/scale.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

Values = Mapping[str, Any]  # of one row
Measured = dict[str, dict[str, Values]]  # part -> row -> values
_BEGIN: Final = "<!-- written by benchmarks/scale.py -->"
_END: Final = "<!-- end of what benchmarks/scale.py writes -->"
_COMMANDS: Final = {"cpu": "s", "wall": "wall s", "megabytes": "MB", "lines": "lines"}
_DRIVER: Final = {
    "jobs": "jobs",
    "events": "events",
    "seconds": "driver s",
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
    """The tables as Markdown."""
    parts = []
    for part, rows in found.items():
        if part == "checkpoints":
            parts.append("```\n" + rows["cost"]["printed"].strip() + "\n```")
            continue
        columns = _DRIVER if part == "slots" else _COMMANDS
        old = before.get(part, {})
        was = next(name for name in columns.values() if name in ("s", "driver s"))
        head = ["", f"{was}, before", *columns.values()]
        if part == "slots":
            head += ["ms a job", "µs an event"]
        lines = [head, ["---", *["---:"] * (len(head) - 1)]]
        for name, values in rows.items():
            key = "seconds" if part == "slots" else "cpu"
            cells = [name, _number(old[name][key]) if name in old else "–"]
            cells += [_number(values[column]) for column in columns]
            if part == "slots":
                cells += [
                    _number(1e3 * values["seconds"] / values["jobs"]),
                    _number(1e6 * values["seconds"] / values["events"]),
                ]
            lines.append(cells)
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


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
