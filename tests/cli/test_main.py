"""The command as users type it: real Ray, real files, and what every mistake prints."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from raysat.data.store import PatchStore
from raysat.errors import EXIT_CODES
from tests.helpers.command import STUDY, Raysat, ablate
from tests.helpers.paths import ROOT


def arms_of(folder: Path) -> list[dict[str, Any]]:
    board: dict[str, Any] = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    assert board["study"] == "tiny"
    arms: list[dict[str, Any]] = board["arms"]
    return arms


def test_a_study_from_yaml_to_leaderboard_and_again(
    raysat: Raysat,
    space: Path,
    landsat_store: PatchStore,
    tmp_path: Path,
    ray_session: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "runs"
    first = raysat(*ablate(space, landsat_store, out), "--timings")
    assert (first.code, first.err) == (0, "")
    assert "2 arms x 2 seeds = 4 trials" in first.out
    assert ["training", "steps"] in [line.split()[:2] for line in first.out.splitlines()]
    assert "\x1b" not in first.out
    board = pd.read_csv(out / "tiny" / "leaderboard.csv")
    assert set(board["arm"]) == {"plain", "LDAM"}
    assert list(board["n"]) == [2, 2]
    assert list(board["balanced_accuracy_mean"]) == sorted(board["balanced_accuracy_mean"], reverse=True)
    assert {arm["arm"] if "arm" in arm else arm["name"] for arm in arms_of(out / "tiny")} == {"plain", "LDAM"}
    assert "balanced accuracy" in (out / "tiny" / "leaderboard.md").read_text(encoding="utf-8").lower()
    records = {path: path.stat().st_mtime_ns for path in (out / "tiny" / "trials").glob("*/record.json")}

    again = raysat(*ablate(space, landsat_store, out))
    assert again.code == 0
    assert "nothing to do: all 4 trials are finished" in again.out
    assert records == {path: path.stat().st_mtime_ns for path in records}

    grown = tmp_path / "copy.yaml"
    grown.write_text(STUDY + "  SGD: {optim: {kind: sgd}}\n", encoding="utf-8")
    third = raysat(*ablate(grown, landsat_store, out))
    assert third.code == 0
    assert "4 of 6 trials are finished already" in third.out
    assert records == {path: path.stat().st_mtime_ns for path in records}
    assert len(list((out / "tiny" / "trials").glob("*/record.json"))) == 6

    reported = raysat("report", out / "tiny", "--out", tmp_path / "reports")
    assert reported.code == 0
    value = json.loads((tmp_path / "reports" / "report.json").read_text(encoding="utf-8"))
    assert len(value["arms"]) == 3
    assert 0 < value["cost"]["planned"]["shared"] <= value["cost"]["planned"]["alone"]
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "tiny.yaml").write_text(value["runs"][0]["text"], encoding="utf-8")
    monkeypatch.chdir(tmp_path / "again")
    reproduced = raysat(*shlex.split(value["runs"][0]["command"])[1:], "--out", out)
    assert "nothing to do: all 6 trials are finished" in reproduced.out
    same = raysat("compare", out / "tiny", out / "tiny")
    assert same.code == 0
    assert "every arm made the same predictions in both runs, patch by patch" in same.out


def test_a_failed_cell_is_shown_and_the_exit_code_says_so(
    raysat: Raysat, space: Path, tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    arm = "  diverges: {optim: {kind: sgd, lr: 1000, weight_decay: 1000}, loss: {kind: logit_adjustment, tau: 0.0}}\n"
    space.write_text(STUDY + arm, encoding="utf-8")
    result = raysat(*ablate(space, landsat_store, tmp_path / "runs", "--seeds", 1))
    assert (result.code, "1 failed" in result.out) == (1, True)
    assert result.out.count("no effect  arm 'diverges': logit adjustment treats all classes alike: loss.tau is 0") == 1
    markdown = (tmp_path / "runs" / "tiny" / "leaderboard.md").read_text(encoding="utf-8")
    assert "diverges" in markdown
    assert "0/1" in markdown


def test_a_run_whose_records_cannot_be_written_stops_at_once(
    raysat: Raysat, space: Path, landsat_store: PatchStore, tmp_path: Path, ray_session: None
) -> None:
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    (tmp_path / "runs" / "tiny" / "trials").write_text("in the way", encoding="utf-8")
    result = raysat(*ablate(space, landsat_store, tmp_path / "runs"))
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert str(tmp_path / "runs" / "tiny" / "trials") in result.err
    assert "Traceback" not in result.err
    assert result.out.count("seed") <= 2, "went on training"


def test_plan_trains_nothing(raysat: Raysat, space: Path, landsat_store: PatchStore, tmp_path: Path) -> None:
    result = raysat("plan", "--space", space, "--data", landsat_store.path, "--epochs", 5, "--out", tmp_path / "runs")
    patches = len(landsat_store.indices("train"))
    assert result.code == 0
    assert "trials     4 (2 arms x 2 seeds)" in result.out
    assert f"to train   4 trials, 20 epochs, {4 * 5 * patches:,} images" in result.out
    assert "at 150 images/s (assumed" in result.out
    said = " ".join(result.out.split())
    assert (
        "evidence 2 seeds: the smallest p of a paired sign-flip test is 0.5, so no difference can be significant"
        in said
    )
    assert not (tmp_path / "runs").exists()


def test_help_answers_without_heavy_imports() -> None:
    """Half a second is the promise; what would break it is an import, and a test of those is not noisy."""
    code = (
        "import sys; sys.argv = ['raysat', '--help']\n"
        "try:\n    from raysat.cli.main import main; main()\n"
        "finally:\n    heavy = {'torch', 'ray', 'numpy', 'pandas', 'pydantic', 'rasterio', 'matplotlib', 'scipy'}\n"
        "    print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "ablate" in done.stdout
    assert done.stdout.strip().endswith("HEAVY []")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--space", "absent.yaml"], 2, "absent.yaml: no such file"),
        (["--space", "{space}", "--data", "absent"], 2, "absent"),
        (["--space", "{space}", "--set", "optim.lrr=1"], 2, "--set optim.lrr: unknown key"),
        (["--space", "{space}", "--set", "optim.batch_size=4096"], 2, "batch"),
        (["--space", "{space}", "--set", "data.bands=[B12]"], 2, "band 'B12' is not in the store"),
        (["--space", "{space}", "--set", "data.bands=agricultur"], 2, "unknown band composite 'agricultur'"),
        (["--space", "{space}", "--seeds", "9"], 2, "--seeds 9: the study has 2"),
        (["--space", "{space}", "--epochs", "0"], 2, "--epochs must be a whole number from 1 to 10,000, got 0"),
        (["--space", "{space}", "--workers", "0"], 2, "--workers"),
        (["--space", "{space}", "--adress", "auto"], 2, "--adress"),
        (["--space", "{space}", "--set", "model.name=resnet19"], 2, "resnet19"),
    ],
)
def test_each_mistake_is_one_message_and_nothing_is_written(
    raysat: Raysat,
    space: Path,
    landsat_store: PatchStore,
    tmp_path: Path,
    words: list[str],
    code: int,
    message: str,
) -> None:
    given = [word.format(space=space) for word in words]
    if "--data" not in given:
        given += ["--data", str(landsat_store.path)]
    result = raysat("ablate", "--out", tmp_path / "runs", *given)
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "runs").exists()


def test_an_unknown_reference_is_an_error_before_anything_is_trained(
    raysat: Raysat, space: Path, landsat_store: PatchStore, tmp_path: Path
) -> None:
    space.write_text(f"{space.read_text()}\nreference: table9\n")
    result = raysat("ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs")
    assert result.code == 2
    assert "table9" in result.err
    assert not (tmp_path / "runs").exists()


def test_a_class_without_training_patch_is_refused(raysat: Raysat, space: Path, tmp_path: Path) -> None:
    import numpy as np

    from raysat.data.store import StoreWriter

    bands = ("B2", "B5", "B6")
    with StoreWriter(tmp_path / "s", bands=bands, classes=("a", "b"), sensor="landsat8", source={}) as writer:
        for index in range(40):
            writer.add(np.full((3, 8, 8), index, dtype=np.uint8), int(index >= 32), "train" if index < 32 else "val")
        store = writer.close()
    result = raysat(*ablate(space, store, tmp_path / "runs"))
    assert result.code == 2
    assert "'b'" in result.err
    assert not (tmp_path / "runs").exists()


def test_debug_shows_the_traceback(raysat: Raysat) -> None:
    assert "Traceback" not in raysat("plan", "--space", "absent.yaml").err
    assert "Traceback" in raysat("plan", "--space", "absent.yaml", "--debug").err


def test_a_folder_that_is_no_run(raysat: Raysat, tmp_path: Path) -> None:
    result = raysat("report", tmp_path)
    assert result.code == 2
    assert "is not a run" in result.err


def test_help_and_the_docs_say_what_an_exit_code_means(raysat: Raysat) -> None:
    shown = " ".join(raysat("--help").out.split())
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in shown
        assert f"| {code} | {meaning} |" in page
