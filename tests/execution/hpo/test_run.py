"""A search on real Ray: what is trained, what an interruption changes, who is stopped, what a failure costs."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

from raysat.cli.main import cli
from raysat.data.store import PatchStore
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.hpo.prepare import prepare_search
from raysat.execution.hpo.run import SearchResult, tune
from raysat.planning.build import make_plan
from raysat.search.load import Search
from raysat.search.log import Log, open_log
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.views.run import RunView
from tests.helpers.paths import SPACES
from tests.helpers.search import load

BASE = "study: hunt\nbase: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}\n"
FREE = (
    BASE
    + """
search:
  optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}
  loss: {choice: [{kind: cross_entropy}, {kind: ldam}]}
  loss.max_margin: {uniform: [0.1, 0.9]}
sampler: {kind: tpe, startup: 2}
budget: {trials: 5}
confirm: {best: 2, seeds: 1}
"""
)
# The base; one that learns nothing; one that diverges: and then there is nothing new to try.
FEW = """
study: hunt
base: {model: {name: test_resnet}, optim: {epochs: 8, batch_size: 16}}
search:
  optim: {choice: [{kind: adam}, {kind: sgd, lr: 1.0e-12}, {kind: sgd, lr: 1000, weight_decay: 1000}]}
sampler: {kind: random}
stop: {kind: asha, grace: 0.2, reduction: 2}
budget: {trials: 9}
"""


def run(search: Search, store: PatchStore, folder: Path) -> tuple[SearchResult, str]:
    console = Console(file=io.StringIO(), width=200)
    cluster = ClusterOptions(max_concurrent=1)
    found = tune(prepare_search(search, store, data=str(store.path), out=folder, cluster=cluster), RunView(console))
    return found, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="module", name="whole")
def _whole(
    tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore, ray_session: None
) -> tuple[Path, Search, Log, str]:
    """A search by the command line: its folder, what it was, its log and what it printed."""
    folder = tmp_path_factory.mktemp("whole")
    search = load(folder, FREE)
    words = ["--space", folder / "hpo.yaml", "--data", landsat_store.path, "--out", folder, "--max-concurrent", 1]
    result = CliRunner().invoke(cli, ["tune", *map(str, words)], standalone_mode=False, catch_exceptions=False)
    assert result.return_value == 0
    return folder, search, Log.model_validate_json((folder / "hunt" / "search.json").read_bytes()), result.output


def test_a_search_spends_its_budget_and_begins_with_the_base(whole: tuple[Path, Search, Log, str]) -> None:
    folder, search, log, out = whole
    assert [each.number for each in log.candidates] == [0, 1, 2, 3, 4]
    assert log.candidates[0].config == search.base
    assert all(each.state == "finished" and len(each.curve) == 2 for each in log.candidates)
    written = sorted(path.name for path in (folder / "hunt").iterdir() if not path.name.startswith("."))
    names = ["best.yaml", "events", "progress.json", "search.csv", "search.json", "search.png", "study.yaml", "trials"]
    assert written == names
    assert (folder / "hunt" / "study.yaml").read_text(encoding="utf-8") == FREE
    assert len({each.job for each in log.candidates}) == 5
    assert [line.split()[:2] for line in out.splitlines() if "  done  " in line] == [
        ["1/5", "base"], ["2/5", "#1"], ["3/5", "#2"], ["4/5", "#3"], ["5/5", "#4"]
    ]  # fmt: skip


def test_a_candidate_is_judged_by_its_val_split(whole: tuple[Path, Search, Log, str]) -> None:
    folder, _, log, out = whole
    ledger = Ledger(folder / "hunt")
    for candidate in log.candidates:
        metrics = ledger.read(candidate.job).metrics
        assert candidate.val is not None
        assert candidate.test is not None
        assert (candidate.val.balanced_accuracy, candidate.val.icv) == (
            metrics["val"].balanced_accuracy,
            metrics["val"].icv,
        )
        assert candidate.test.balanced_accuracy == metrics["test"].balanced_accuracy
        shown = f"val balanced accuracy {candidate.val.balanced_accuracy:.3f}, ICV {candidate.val.icv:.3f}  "
        assert re.search(rf"{candidate.name}  seed \d+  done  epoch 2/2  {shown}", out)
        history = pd.read_csv(ledger.root / "trials" / candidate.job / "history.csv")
        assert tuple(history["balanced_accuracy"]) == candidate.curve
    scores = [each.val.balanced_accuracy for each in log.ranked() if each.val]
    assert scores == sorted(scores, reverse=True)


def test_ids_are_those_of_an_ablation(
    whole: tuple[Path, Search, Log, str], landsat_store: PatchStore, tmp_path: Path
) -> None:
    _, _, log, _ = whole
    for candidate in log.candidates:
        file = tmp_path / "study.yaml"
        config = candidate.config.model_dump(mode="json")
        file.write_text(json.dumps({"base": config}), encoding="utf-8")
        assert [job.id for job in make_plan(load_study(file), landsat_store).trials] == [candidate.job]


def test_an_interrupted_search_ends_as_one_that_was_not(
    whole: tuple[Path, Search, Log, str], landsat_store: PatchStore, tmp_path: Path, ray_session: None
) -> None:
    """Killed while candidate 2 trained: the rest of the budget gives the same candidates with the same scores."""
    folder, search, log, _ = whole
    run_folder = tmp_path / "hunt"
    shutil.copytree(folder / "hunt", run_folder)
    for lost in log.candidates[2:]:
        shutil.rmtree(run_folder / "trials" / lost.job)
    begun = log.candidates[2].model_copy(update={"state": "running", "curve": (), "val": None, "test": None})
    cut = log.model_copy(update={"candidates": (*log.candidates[:2], begun)})
    (run_folder / "search.json").write_text(cut.model_dump_json(), encoding="utf-8")
    found, out = run(search, landsat_store, tmp_path)
    assert found.log.candidates == log.candidates
    assert out.count("  done  ") == 3
    assert found.log.seconds > log.seconds


def test_a_record_that_is_there_is_not_trained_again(
    whole: tuple[Path, Search, Log, str], landsat_store: PatchStore, tmp_path: Path, ray_session: None
) -> None:
    """Without its log, a search finds its finished trials in the ledger and draws the same candidates."""
    folder, search, log, _ = whole
    shutil.copytree(folder / "hunt", tmp_path / "hunt")
    (tmp_path / "hunt" / "search.json").unlink()
    found, out = run(search, landsat_store, tmp_path)
    assert found.log.candidates == log.candidates
    assert "  done  " not in out


def test_stopped_and_failed_candidates_cost_the_others_nothing_and_a_small_space_ends(
    landsat_store: PatchStore, tmp_path: Path, ray_session: None
) -> None:
    search = load(tmp_path, FEW)
    found, out = run(search, landsat_store, tmp_path)
    assert (found.exhausted, found.interrupted) == (True, False)
    base, *others = found.log.candidates
    assert (base.state, len(base.curve)) == ("finished", 8)
    stopped, failed = sorted(others, key=lambda each: each.config.optim.lr)
    assert (stopped.state, failed.state) == ("stopped", "failed")
    assert len(stopped.curve) in (2, 4)  # the rungs
    assert stopped.val is None
    assert "stopped" in out
    failure = Ledger(tmp_path / "hunt").read_failure(failed.job)
    assert failure is not None
    assert "epoch 1" in failure.error
    assert open_log(tmp_path / "hunt", search, landsat_store, data="data", workers=1) == found.log


def test_the_same_command_again_prints_the_result(
    whole: tuple[Path, Search, Log, str], raysat: Callable[..., Any], landsat_store: PatchStore
) -> None:
    folder, _, _, out = whole
    words = ["--space", folder / "hpo.yaml", "--data", landsat_store.path, "--out", folder]
    again = raysat("tune", *words)
    assert again.code == 0
    assert "nothing to do: all 5 candidates are finished" in again.out
    assert "running" not in again.out
    assert again.out[again.out.index("#  candidate") :] == out[out.index("#  candidate") :]
    other = raysat("tune", *words, "--seed", "1")
    assert other.code == 2
    assert "holds another search (differing: seed)" in other.err


def test_the_command_writes_a_study_that_ablate_runs(
    whole: tuple[Path, Search, Log, str], raysat: Callable[..., Any], landsat_store: PatchStore, ray_session: None
) -> None:
    folder = whole[0]
    best = folder / "hunt" / "best.yaml"
    words = ["--space", best, "--data", landsat_store.path, "--out", folder, "--epochs", "1"]
    ablated = raysat("ablate", *words)
    assert ablated.code == 0, ablated.out + ablated.err
    board = json.loads((folder / "hunt-confirm" / "leaderboard.json").read_text(encoding="utf-8"))
    assert {arm["name"]: arm["seeds"] for arm in board["arms"]} == {"base": [1], "best-1": [1], "best-2": [1]}


def test_what_cannot_train_is_refused_before_anything_starts(
    raysat: Callable[..., Any], landsat_store: PatchStore, tmp_path: Path
) -> None:
    file = tmp_path / "hpo.yaml"
    file.write_text(BASE + "search: {optim.batch_size: {int: [8, 500]}}\n", encoding="utf-8")
    result = raysat("tune", "--space", file, "--data", landsat_store.path, "--out", tmp_path / "runs")
    assert result.code == 2
    assert "optim.batch_size is 500" in result.err
    file.write_text(BASE + "search: {data.bands: {choice: [all, [6, 5], [1]]}}\n", encoding="utf-8")
    result = raysat("tune", "--space", file, "--data", landsat_store.path, "--out", tmp_path / "runs")
    assert result.code == 2
    assert "arm 'data.bands=1'" in result.err
    file.write_text(BASE + "search: {schedule.milestones: {choice: [[0.5], [0.01]]}}\n", encoding="utf-8")
    words = ["--set", "schedule.kind=multistep", "--data", landsat_store.path, "--out", tmp_path / "runs"]
    result = raysat("tune", "--space", file, *words)
    assert result.code == 2
    assert "arm 'schedule.milestones=0.01': schedule.milestones begin at 0.01" in result.err
    assert not (tmp_path / "runs").exists()


def test_the_shipped_search_runs(
    raysat: Callable[..., Any], landsat_store: PatchStore, tmp_path: Path, ray_session: None
) -> None:
    space = SPACES / "hpo.yaml"
    words = ["--data", landsat_store.path, "--out", tmp_path, "--epochs", "2", "--trials", "2"]
    result = raysat("tune", "--space", space, *words)
    assert result.code == 0, result.out + result.err
    assert [arm.name for arm in load_study(tmp_path / "hpo" / "best.yaml").arms] == ["base", "best-1"]
