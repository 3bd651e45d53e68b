"""Follow a page as a reader does: its commands in order, in a folder of their own, and what they print.

``ablate`` runs two epochs of few seeds here: the page's commands are as they are, and a ``raysat`` that stands first on
the path adds these options. Outputs of trainings are therefore not compared with the page's.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

EUROSAT = Path(os.environ.get("RAYSAT_TEST_DATA", ROOT.parent / "shared" / "data")) / "eurosat" / "tif"
COMMAND = """#!/bin/sh
small=""
if [ "$1" = ablate ]; then small="--epochs 2 --seeds {seeds}"; fi
exec "{python}" -m raysat "$@" $small
"""


@dataclass
class Step:
    """A block of commands, and what the page says that it prints."""

    commands: str
    printed: list[str] = field(default_factory=list)


def steps(page: Path, title: str = "") -> list[Step]:
    """The steps of a page, or of its chapter; blocks in ``sh`` (installing, downloading) are no steps."""
    text = page.read_text(encoding="utf-8")
    if title:
        (text,) = [part for part in re.split(r"^## ", text, flags=re.MULTILINE) if part.startswith(title)]
    found: list[Step] = []
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        if language == "bash":
            found.append(Step(body))
        elif language == "text":
            found[-1].printed.append(body)
    return found


def lay_commands(folder: Path, seeds: int = 1) -> Path:
    """Make a folder where a reader stands: the studies are there, and the command is on the path."""
    (folder / "search_spaces").symlink_to(ROOT / "search_spaces")
    (folder / "bin").mkdir()
    for name, text in (("raysat", COMMAND), ("python", '#!/bin/sh\nexec "{python}" "$@"\n')):
        (folder / "bin" / name).write_text(text.format(python=sys.executable, seeds=seeds), encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    return folder


def run(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "COLUMNS"))}
    environment |= {"PATH": f"{folder / 'bin'}:{environment['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def lines(texts: Sequence[str]) -> list[str]:
    """Lines without the spaces that only align them; those left out are marked by ``...``."""
    return [" ".join(line.split()) for text in texts for line in text.splitlines() if line.strip(" .")]


def follow(steps: Sequence[Step], folder: Path) -> None:
    """Run each step, and compare what it prints, unless it trains or reports what was trained."""
    for step in steps:
        done = run(step.commands, folder)
        assert done.returncode == 0, f"{step.commands}\n{done.stdout}\n{done.stderr}"
        if "raysat ablate" not in step.commands and "raysat report" not in step.commands:
            shown = [line for text in step.printed if not text.startswith("error:") for line in lines([text])]
            printed = lines([done.stdout])
            assert [line for line in shown if line not in printed] == []
