"""Draws the picture of ``architecture.md`` from the imports of the package: which package uses which.

    python docs/draw_architecture.py            # says whether the picture is current; exit code 1 where it is not
    python docs/draw_architecture.py --write    # draws it anew

A box is a package or a module directly under ``raysat/``. An arrow that others imply is left out, as is whatever points
to ``errors``, ``files``, ``formatting``, ``installation`` and ``interrupts``, which everything uses.
"""

from __future__ import annotations

import argparse
import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "```mermaid\n", "```\n"
EVERYWHERE = ("errors", "files", "formatting", "installation", "interrupts")

Graph = dict[str, set[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    text = PAGE.read_text(encoding="utf-8")
    fresh = with_picture(text, picture(reduced(imports())))
    if parser.parse_args().write:
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != text:
        print("the picture is not that of the imports: python docs/draw_architecture.py --write")
        return 1
    return 0


def imports() -> Graph:
    """Every box and the boxes that its files import from, also inside functions."""
    package = ROOT / "raysat"
    found = (path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file())
    boxes: Graph = {name: set() for name in found if not name.startswith("_")}
    for file in package.rglob("*.py"):
        box = file.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("raysat"):
                below = (node.module or "").split(".")[1:2] or [alias.name for alias in node.names]
                if box in boxes:
                    boxes[box] |= {name for name in below if name in boxes and name != box}
    return boxes


def reduced(graph: Graph) -> Graph:
    """The same order with the fewest arrows. Raises graphlib.CycleError for a circle."""
    order = list(TopologicalSorter(graph).static_order())  # what is used comes first
    reach: Graph = {}
    for box in order:
        reach[box] = set().union(*(reach[other] | {other} for other in graph[box]))
    return {
        box: {other for other in graph[box] if not any(other in reach[between] for between in graph[box])}
        for box in graph
        if box not in EVERYWHERE
    }


def picture(graph: Graph) -> str:
    """A Mermaid flow chart, users above what they use."""
    lines = ["flowchart TD"]
    for box in sorted(graph):
        lines += [f"    {box} --> {other}" for other in sorted(graph[box]) if other not in EVERYWHERE]
    return "\n".join(lines) + "\n"


def with_picture(page: str, drawn: str) -> str:
    """The page with its picture replaced."""
    start = page.index(BEGIN) + len(BEGIN)
    return page[:start] + drawn + page[page.index(END, start) :]


if __name__ == "__main__":
    sys.exit(main())
