"""The tutorial as a reader follows it: its commands in order, in a folder of their own, and what they print.

``ablate`` runs two epochs of one seed here: the page's commands are as they are, and a ``raysat`` that stands first on
the path adds these options. Outputs of trainings are therefore not compared with the page's.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

PAGE = ROOT / "docs" / "tutorial.md"
DATA = Path(os.environ.get("RAYSAT_TEST_DATA", ROOT.parent / "shared" / "data")) / "eurosat" / "tif"
COMMAND = """#!/bin/sh
small=""
if [ "$1" = ablate ]; then small="--epochs 2 --seeds 1"; fi
exec "{python}" -m raysat "$@" $small
"""


@dataclass
class Step:
    """A block of commands, and what the page says that it prints."""

    commands: str
    printed: list[str] = field(default_factory=list)


def steps(title: str) -> list[Step]:
    """The steps of a chapter; blocks in ``sh`` (installing, downloading) are no steps."""
    chapter = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = [part for part in chapter if part.startswith(title)]
    found: list[Step] = []
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        if language == "bash":
            found.append(Step(body))
        elif language == "text":
            found[-1].printed.append(body)
    return found


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Where a reader stands: the studies are there, and the command is on the path."""
    (tmp_path / "search_spaces").symlink_to(ROOT / "search_spaces")
    (tmp_path / "bin").mkdir()
    for name, text in (("raysat", COMMAND), ("python", '#!/bin/sh\nexec "{python}" "$@"\n')):
        (tmp_path / "bin" / name).write_text(text.format(python=sys.executable), encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


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


def follow(title: str, folder: Path) -> None:
    for step in steps(title):
        done = run(step.commands, folder)
        assert done.returncode == 0, f"{step.commands}\n{done.stdout}\n{done.stderr}"
        if "raysat ablate" not in step.commands and "raysat report" not in step.commands:
            shown = [line for text in step.printed if not text.startswith("error:") for line in lines([text])]
            printed = lines([done.stdout])
            assert [line for line in shown if line not in printed] == []


def test_a_finding_on_the_demo_patches(folder: Path) -> None:
    follow("1. ", folder)
    assert (folder / "demo.png").is_file()
    assert (folder / "runs" / "quickstart" / "leaderboard.json").is_file()
    assert "n = 1 seed" in (folder / "reports" / "quickstart" / "report.md").read_text(encoding="utf-8")


def test_the_same_with_geotiffs(folder: Path) -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there; name the test data's folder with RAYSAT_TEST_DATA")
    (folder / "EuroSAT_MS").symlink_to(DATA)
    follow("2. ", folder)
    assert (folder / "eurosat.png").is_file()
    report = (folder / "reports" / "sentinel" / "report.md").read_text(encoding="utf-8")
    assert "all bands + DRW" in report.replace("\\", "")
    (folder / "sentinel.yaml").write_text(
        (folder / "sentinel.yaml").read_text(encoding="utf-8").replace("natural", "agricultre"), encoding="utf-8"
    )
    slip = run("raysat plan --space sentinel.yaml --data stores/eurosat", folder)
    (told,) = [text for step in steps("2. ") for text in step.printed if text.startswith("error:")]
    assert (slip.returncode, slip.stderr) == (2, told)


def test_every_block_of_the_page_is_run_or_is_installation() -> None:
    """A block in another language, or with spaces before its fence, would be shown and never be tried."""
    languages = re.findall(r"^ *```(\w+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(languages) == {"bash", "sh", "text"}
    assert languages.count("sh") == 2
    assert len(steps("1. ")) + len(steps("2. ")) == languages.count("bash")
