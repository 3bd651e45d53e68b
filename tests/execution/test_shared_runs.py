"""Shared epochs on real Ray: the same records, byte for byte, from fewer images."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from raysat.data.store import PatchStore
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.run import run
from raysat.execution.run_state import Summary
from raysat.planning.build import Plan, make_plan
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.views.run import RunView

STUDY = """
study: share
base: {model: {name: test_resnet}, optim: {epochs: 4, batch_size: 16}}
seeds: 1
arms:
  plain: {}
  drw: {reweight: {kind: drw, switch: 0.5}}
  swa: {average: {kind: swa}}
  ema and drw: {average: {kind: ema}, reweight: {kind: drw, switch: 0.5}}
  half: {optim.epochs: 2}
  half and swa: {optim.epochs: 2, average: {kind: swa}}
  drs: {sampler: {kind: drs, switch: 0.75}}
  ldam: {loss: {kind: ldam}}
  crt: {second_stage: {kind: crt, epochs: 2}}
  mislas: {second_stage: {kind: mislas, epochs: 2}}
"""


def filled(folder: Path, store: PatchStore, *, reuse_epochs: bool) -> tuple[Plan, Ledger, str]:
    folder.mkdir()
    file = folder / "study.yaml"
    file.write_text(STUDY, encoding="utf-8")
    plan, ledger = make_plan(load_study(file), store, reuse_epochs=reuse_epochs), Ledger(folder / "run")
    console = Console(file=io.StringIO(), width=200)
    summary = run(
        plan, plan.trials, ledger, Artifacts(folder / "generated"), ClusterOptions(cpus_per_trial=1), RunView(console)
    )
    assert summary == Summary(finished=10, failed=0, interrupted=False)
    return plan, ledger, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="module", name="runs")
def _runs(
    tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore, ray_session: None
) -> dict[bool, tuple[Plan, Ledger, str]]:
    folder = tmp_path_factory.mktemp("share")
    return {share: filled(folder / str(share), landsat_store, reuse_epochs=share) for share in (True, False)}


def everything_but_time(ledger: Ledger, trial: str) -> tuple[Any, ...]:
    """Metrics, images, history without seconds, predictions and weights of a trial."""
    record, folder = ledger.read(trial), ledger.root / "trials" / trial
    with (folder / "history.csv").open(encoding="utf-8") as file:
        history = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]
    weights = torch.load(folder / "model.pt", weights_only=True)
    predictions = (folder / "predictions.npz").read_bytes()
    plain = {name: value.numpy().tobytes() for name, value in weights.items()}
    return record.metrics, record.epochs, record.images, history, predictions, plain


def test_shared_epochs_change_no_number(runs: dict[bool, tuple[Plan, Ledger, str]]) -> None:
    plan, shared, _ = runs[True]
    other, alone, _ = runs[False]
    assert [job.id for job in plan.trials] == [job.id for job in other.trials]
    for job in plan.trials:
        assert everything_but_time(shared, job.id) == everything_but_time(alone, job.id), job.arm


def test_trials_that_differ_do_differ(runs: dict[bool, tuple[Plan, Ledger, str]]) -> None:
    """Else the test above would compare nothing with nothing."""
    plan, ledger, _ = runs[True]
    weights = {tuple(everything_but_time(ledger, job.id)[-1].items()) for job in plan.trials}
    assert len(weights) == len(plan.trials)


def test_sharing_costs_fewer_images(runs: dict[bool, tuple[Plan, Ledger, str]]) -> None:
    plan, alone = runs[True][0], runs[False][0]
    epoch = len(plan.store.indices("train"))
    assert (
        plan.samples_seen
        == alone.samples_seen
        == sum(chain.samples_seen for chain in alone.train_jobs)
        == (6 * 4 + 2 * 2 + 2 * 6) * epoch
    )
    assert sum(chain.samples_seen for chain in plan.train_jobs) == (4 + 2 + 1 + 4 + 2 + 2) * epoch
    assert len(plan.train_jobs) == 5
    assert len(alone.train_jobs) == 10


def test_a_finished_run_leaves_no_checkpoint(runs: dict[bool, tuple[Plan, Ledger, str]]) -> None:
    for _, ledger, _ in runs.values():
        assert not ledger.checkpoints.root.exists()


def test_each_trial_has_its_line(runs: dict[bool, tuple[Plan, Ledger, str]]) -> None:
    lines = [line for line in runs[True][2].splitlines() if " done " in line]
    assert [line.split()[0] for line in lines] == [f"{n}/10" for n in range(1, 11)]
    assert sorted(line.split("  ")[1] for line in (line.strip() for line in lines)) == sorted(runs[True][0].trial_ids)
