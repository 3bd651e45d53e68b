"""What a run makes of slots that fail: only what is not on record has failed."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from raysat.execution.messages import State
from raysat.execution.run_state import RunState
from raysat.execution.session import TuneEvents
from raysat.execution.worker import do_job
from raysat.execution.worker_context import WorkerGroup
from raysat.generation import classifier
from raysat.planning.jobs import generate_jobs
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import Job
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import files_of, made_up_record
from tests.helpers.training import MakeStore, config
from tests.helpers.worker import Bench, one_job, planned


def fail(job: Job, ledger: Ledger, artifacts: Artifacts) -> dict[str, State]:
    """Have the slot of a job fail for good, as Tune tells it; how each of its trials or generators ends."""
    state = RunState([job])
    events = TuneEvents(state, ledger, artifacts)
    trial = SimpleNamespace(config={"job": job}, error_file=None)
    events.on_trial_start(0, [], trial)
    events.on_trial_error(0, [], trial)
    return {name: row.state for name, row in state.rows.items()}


def test_a_slot_that_failed_after_its_record_was_written_is_no_failure(make_store: MakeStore, tmp_path: Path) -> None:
    store, ledger, artifacts = make_store(), Ledger(tmp_path / "run"), Artifacts(tmp_path / "generated")
    short, long = (planned(store, optim={"epochs": epochs}) for epochs in (1, 2))
    ledger.write(short.id, files_of(made_up_record(short.id)))
    assert fail(one_job(short, long), ledger, artifacts) == {short.id: State.DONE, long.id: State.FAILED}
    ledger.clear_failure(long.id)
    ledger.write(long.id, files_of(made_up_record(long.id)))
    assert fail(one_job(short, long), ledger, artifacts) == {short.id: State.DONE, long.id: State.DONE}
    assert ledger.read_failure(long.id) is None


def test_a_generator_whose_slot_failed_after_its_patches_were_written_is_done(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "_STEPS", 2)
    store = make_store({"train": (24, 12, 8), "val": (8, 6, 4)})
    ledger, artifacts = Ledger(tmp_path / "run"), Artifacts(tmp_path / "generated")
    gan = config(synthetic={"kind": "dcgan", "classes": ["class2"], "steps": 2, "width": 4, "batch_size": 4})
    (job,) = generate_jobs(resolve_config(gan, store), store)
    assert fail(job, ledger, artifacts) == {job.id: State.FAILED}
    ledger.clear_failure(job.id)
    bench = Bench(store)
    do_job(job, bench.context, WorkerGroup())
    artifacts.write(job.id, bench.storage.generated[job.id])
    assert fail(job, ledger, artifacts) == {job.id: State.DONE}
    assert ledger.read_failure(job.id) is None
