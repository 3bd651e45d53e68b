"""The example script as a user runs it, and as a user's type checker sees it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

SCRIPT = ROOT / "examples" / "table2.py"

# Mistakes in calls of the API, and what mypy calls each.
MISTAKES = {
    "raysat.plan(study, options.data)": ("raysat.plan(study, options.data, worker=2)", "call-arg"),
    "report.differences()": ("report.difference()", "attr-defined"),
    'out=options.out / "report"': ("out=3", "arg-type"),
}


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MYPY"))}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module", name="store")
def _store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """A few patches of Landsat 8, all bands."""
    import raysat

    return raysat.make_synthetic(tmp_path_factory.mktemp("stores") / "landsat8", size=160).store


def test_it_plans_trains_and_reports(tmp_path: Path, store: PatchStore) -> None:
    words = ["--epochs", "2", "--seeds", "2", "--model", "test_resnet", "--data", store.path]
    done = run(tmp_path, SCRIPT, *words)
    assert done.returncode == 0, done.stderr
    assert "trials     14 (7 arms x 2 seeds)" in done.stdout
    assert "done       14 jobs, 0 failed" in done.stdout
    assert "What the paper found, on these data" in done.stdout
    assert len(re.findall(r"^\(\d\) +-?\d\.\d+ ", done.stdout, flags=re.MULTILINE)) == 6, "arms beside the baseline"
    report = tmp_path / "table2" / "report"
    assert {"report.md", "report.html"} <= {file.name for file in report.iterdir()}
    assert f"wrote {sum(file.is_file() for file in report.rglob('*'))} files" in done.stdout

    again = run(tmp_path, SCRIPT, *words)
    assert "nothing to do: all 14 trials are finished" in again.stdout
    assert again.returncode == 0, again.stderr


def test_mypy_strict_accepts_it_from_outside_and_refuses_mistakes(tmp_path: Path) -> None:
    """In a folder without configuration: what is checked against is the package's ``__init__.pyi`` and ``py.typed``."""
    text = SCRIPT.read_text(encoding="utf-8")
    shutil.copy(SCRIPT, tmp_path / "right.py")
    for right, (wrong, _) in MISTAKES.items():
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    (tmp_path / "wrong.py").write_text(text, encoding="utf-8")
    done = run(tmp_path, "-m", "mypy", "--strict", "--config-file=", "--no-pretty", "right.py", "wrong.py")
    found = re.findall(r"^(\S+?):\d+: error: .*\[(.+)\]$", done.stdout, flags=re.MULTILINE)
    assert sorted(found) == sorted(("wrong.py", code) for _, code in MISTAKES.values()), done.stdout + done.stderr
