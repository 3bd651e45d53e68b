"""Generate jobs on real Ray: made once, shared, waited for; a failure costs its dependents alone."""

import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import TrainingError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.run import run, run_items
from raysat.execution.run_state import RunState, Summary
from raysat.execution.scheduling.job_feeder import JobFeeder
from raysat.execution.scheduling.retries import Retries
from raysat.generation.generate import generate
from raysat.planning.build import Plan, make_plan
from raysat.planning.jobs import GenerateJob
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.study.load import load_study
from raysat.views.run import RunView
from tests.helpers.generation import beyond

STUDY = """
study: synthetic
base: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}
seeds: 2
arms:
  gan: {synthetic: {kind: dcgan, steps: 6, width: 4, batch_size: 8}}
  gan and ldam: {loss: {kind: ldam}, synthetic: {kind: dcgan, steps: 6, width: 4, batch_size: 8}}
  plain: {}
"""


@pytest.fixture(scope="module", name="store")
def _store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """Two classes, 30 and 12 training patches of 16 x 16."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("stores") / "store"
    with StoreWriter(path, bands=("B5", "B6"), classes=("a", "b"), sensor="landsat8", source={}) as writer:
        for label, count in enumerate((30, 12)):
            for index in range(count + 8):
                split = "train" if index < count else ("val" if index % 2 else "test")
                writer.add(rng.integers(60 * label, 60 * label + 80, (2, 16, 16)).astype(np.uint8), label, split)
        return writer.close()


def plan_of(folder: Path, store: PatchStore, text: str = STUDY) -> Plan:
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return make_plan(load_study(file), store)


def go(plan: Plan, folder: Path, **options: object) -> tuple[Summary, Ledger, Artifacts, str]:
    ledger, artifacts = Ledger(folder / "run"), Artifacts(folder / "generated")
    console = Console(file=io.StringIO(), width=200)
    summary = run(
        plan, [*plan.generate_jobs, *plan.trials], ledger, artifacts, ClusterOptions(**options), RunView(console)
    )  # type: ignore[arg-type]
    return summary, ledger, artifacts, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="module", name="finished")
def _finished(
    tmp_path_factory: pytest.TempPathFactory, store: PatchStore, ray_session: None
) -> tuple[Plan, Summary, Ledger, Artifacts, str]:
    folder = tmp_path_factory.mktemp("finished")
    plan = plan_of(folder, store)
    return plan, *go(plan, folder, cpus_per_trial=1)


Finished = tuple[Plan, Summary, Ledger, Artifacts, str]


def test_one_generator_serves_both_arms_and_seeds(finished: Finished) -> None:
    plan, summary, ledger, artifacts, out = finished
    assert len(plan.generate_jobs) == 1
    assert summary == Summary(finished=7, failed=0, interrupted=False), out
    assert [path.name for path in artifacts.root.iterdir() if path.is_dir()] == [plan.generate_jobs[0].id]
    assert all(ledger.is_finished(job.id) for job in plan.trials)


def test_trials_with_patches_wait_for_them_and_plain_ones_do_not(finished: Finished) -> None:
    plan, _, ledger, artifacts, _ = finished
    made = artifacts.read(plan.generate_jobs[0].id)
    starts = {arm: min(ledger.read(job.id).started for job in plan.trials if job.arm == arm) for arm in plan.trial_ids}
    ended = made.started + made.seconds
    assert starts["plain"] < ended <= min(starts["gan"], starts["gan and ldam"])


def test_the_generated_patches_train_and_are_never_held_out(finished: Finished, store: PatchStore) -> None:
    plan, _, ledger, artifacts, _ = finished
    for job in plan.trials:
        record = ledger.read(job.id)
        synthetic = job.arm != "plain"
        assert record.images == 2 * (60 if synthetic else 42) == job.samples_seen
        made = (artifacts.open(plan.generate_jobs[0].id).fingerprint,)
        assert record.data.generated == (made if synthetic else ())
        assert np.array_equal(ledger.read_predictions(job.id).indices, store.indices("test"))


def test_a_generated_store_holds_what_was_asked_for(finished: Finished) -> None:
    plan, _, _, artifacts, _ = finished
    (job,) = plan.generate_jobs
    folder, made = artifacts.path(job.id), artifacts.open(job.id)
    assert (len(made), made.bands, made.images.dtype, made.images.shape[2:]) == (18, ("B5", "B6"), np.uint8, (16, 16))
    assert set(made.labels) == {1}
    assert made.generated
    sheets = sorted(path.name for path in folder.glob("samples-*.png"))
    assert sheets[-1] == "samples-00006.png"
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in (*sheets, "losses.png"))
    assert (folder / "history.csv").read_text(encoding="utf-8").startswith("step,generator_loss,discriminator_loss")
    record = artifacts.read(job.id)
    assert (record.class_name, record.real, record.patches, record.steps) == ("b", 12, 18, 6)
    assert record.quality


def test_ray_changes_no_pixel(finished: Finished, store: PatchStore) -> None:
    plan, _, _, artifacts, _ = finished
    (job,) = plan.generate_jobs
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = generate(job.work, store)
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(alone.images, artifacts.open(job.id).images)


def test_a_second_study_makes_nothing_again(finished: Finished, tmp_path: Path, store: PatchStore) -> None:
    """Even where it did not see that the patches are there, as when two studies begin at the same time."""
    _, _, _, artifacts, _ = finished
    again = plan_of(tmp_path, store, STUDY.replace("epochs: 2", "epochs: 1").replace("seeds: 2", "seeds: 1"))
    record = artifacts.path(again.generate_jobs[0].id) / "record.json"
    before = record.stat().st_mtime_ns
    ledger = Ledger(tmp_path / "run")
    summary = run(again, [*again.generate_jobs, *again.trials], ledger, artifacts, ClusterOptions())
    assert summary == Summary(finished=4, failed=0, interrupted=False)
    assert record.stat().st_mtime_ns == before


def test_a_failed_generator_fails_its_dependents_alone(tmp_path: Path, store: PatchStore, ray_session: None) -> None:
    """A learning rate that no generator survives: the plain arm is trained, the others say why not."""
    plan = plan_of(tmp_path, store, STUDY.replace("seeds: 2", "seeds: 1"))
    plan = replace(plan, generate_jobs=[replace(job, work=beyond(job.work, lr=1e30)) for job in plan.generate_jobs])
    summary, ledger, artifacts, out = go(plan, tmp_path)
    assert summary == Summary(finished=1, failed=3, interrupted=False), out
    (generator,) = plan.generate_jobs
    assert isinstance(generator, GenerateJob)
    cause = ledger.read_failure(generator.id)
    assert cause is not None
    assert not artifacts.is_finished(generator.id)
    for job in plan.trials:
        failure = ledger.read_failure(job.id)
        if job.arm == "plain":
            assert ledger.is_finished(job.id)
            assert failure is None
        else:
            assert failure is not None
            assert failure.error.startswith("it needs the job 'generate b', which failed: ")
            assert cause.error in failure.error
            assert failure.traceback is None


@dataclass
class DeathSession:
    """Dies in the generator, in the order of Tune: the searcher hears of a death before its cause is on record."""

    ledger: Ledger
    artifacts: Artifacts
    cause: str | None
    retries: Retries = field(default_factory=Retries)
    slots: Any = field(default_factory=lambda: SimpleNamespace(allowed=lambda: 2, avoided=()))

    def tune(self, searcher: JobFeeder, state: RunState, *, jobs: int) -> None:
        (generator, waits) = (searcher.suggest("1"), searcher.suggest("2"))
        assert isinstance(generator, dict)
        assert waits is None
        searcher.on_trial_complete("1", None, error=True)
        if self.cause:
            self.ledger.write_failure(Failure(id=generator["job"].id, error=self.cause, time=0.0))


@pytest.mark.parametrize("cause", ["the worker died", None])
def test_a_dead_generator_gives_its_dependents_todays_cause(
    tmp_path: Path, store: PatchStore, cause: str | None
) -> None:
    plan = plan_of(tmp_path, store, STUDY.replace("  plain: {}\n", "").replace("seeds: 2", "seeds: 1"))
    ledger = Ledger(tmp_path / "run")
    ledger.write_failure(Failure(id=plan.generate_jobs[0].id, error="a cause of yesterday", time=0.0))
    session = DeathSession(ledger, Artifacts(tmp_path / "generated"), cause)
    run_items(session, [*plan.generate_jobs, *plan.trials], already_done=0)  # type: ignore[arg-type]
    for job in plan.trials:
        failure = ledger.read_failure(job.id)
        assert failure is not None
        assert failure.error == "it needs the job 'generate b', which failed" + (f": {cause}" if cause else "")


def test_pretrained_weights_out_of_reach_stop_a_run_before_ray(
    tmp_path: Path, store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    plan = plan_of(tmp_path, store, "base: {model: {name: resnet18, pretrained: true}, optim: {batch_size: 8}}\n")
    with pytest.raises(TrainingError, match="cannot be"):
        go(plan, tmp_path, address="127.0.0.1:1")
    assert not (tmp_path / "run").exists()


def test_a_flow_is_made_and_trained_on_as_a_dc_gans_patches_are(
    tmp_path: Path, store: PatchStore, ray_session: None
) -> None:
    text = """
study: flows
base: {model: {name: test_resnet}, optim: {epochs: 1, batch_size: 16}}
seeds: 1
arms:
  flow: {synthetic: {kind: flow, steps: 6, width: 8, batch_size: 8}}
"""
    plan = plan_of(tmp_path, store, text)
    summary, ledger, artifacts, out = go(plan, tmp_path, cpus_per_trial=1)
    assert summary == Summary(finished=2, failed=0, interrupted=False), out
    (job,), (trial,) = plan.generate_jobs, plan.trials
    record = artifacts.read(job.id)
    assert (record.kind, record.steps, record.images, record.discriminator_loss) == ("flow", 6, 48, None)
    assert 0 < record.generator_loss < 10
    assert json.loads((artifacts.path(job.id) / "store.json").read_bytes())["source"]["kind"] == "flow"
    assert ledger.read(trial.id).data.generated == (artifacts.open(job.id).fingerprint,)
    assert ledger.read(trial.id).images == 60
    assert np.array_equal(generate(job.work, store).images, artifacts.open(job.id).images)
