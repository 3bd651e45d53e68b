"""What a run makes of slots that fail, what is recorded of it, and what ends a run."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from raysat.errors import DiskError
from raysat.execution.events import NodeUnfit, ignore
from raysat.execution.messages import JobDone, State, StoreTold, to_result
from raysat.execution.run_state import RunState
from raysat.execution.scheduling.deaths import Death
from raysat.execution.scheduling.finished import is_finished
from raysat.execution.scheduling.job_feeder import JobFeeder
from raysat.execution.scheduling.retries import MOST_LOSSES, Retries
from raysat.execution.scheduling.tune_events import StorageStopper, TuneEvents, record_deaths
from raysat.execution.store_news import Copying
from raysat.execution.unfit import UnfitNode
from raysat.execution.workers.worker import do_job
from raysat.execution.workers.worker_context import WorkerGroup
from raysat.files import ObjectPath, put_if_absent
from raysat.generation import classifier
from raysat.planning.jobs import generate_jobs
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import Job, train_jobs
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import files_of, made_up_record
from tests.helpers.stages import way
from tests.helpers.training import MakeStore, config
from tests.helpers.worker import Bench, one_job, planned

OLD, DIED = Death(account="Traceback\nold"), Death(account="context\nThe actor died unexpectedly")


@pytest.mark.parametrize(
    ("deaths", "error", "hint"),
    [
        ([OLD, DIED], "The actor died unexpectedly", "out of memory?"),
        ([Death(account="gone", lost_node="10.0.0.7")] * MOST_LOSSES, "lost 5 times in a row", "nodes that last"),
    ],
)
def test_a_death_is_recorded_for_what_is_not_finished(
    tmp_path: Path, deaths: list[Death], error: str, hint: str
) -> None:
    ledger, retries, long = Ledger(tmp_path / "run"), Retries(1), way("long", 6)
    (job,) = train_jobs([way("short", 3, long.states[:4]), long])
    ledger.write("short", files_of(made_up_record("short")))
    for death in deaths:
        retries.again(job.id, death)
    finished = record_deaths(job, retries, ledger, Artifacts(tmp_path / "generated"))
    assert [item.id for item in finished] == ["short"]
    assert ledger.read_failure("short") is None
    failure = ledger.read_failure("long")
    assert failure is not None
    assert error in failure.error
    assert failure.hint is not None
    assert hint in failure.hint
    for death in deaths:
        assert death.account in (failure.traceback or "")


def fail(job: Job, ledger: Ledger, artifacts: Artifacts) -> dict[str, State]:
    """Have the slot of a job fail for good, as Tune tells it; how each of its trials or generators ends."""
    source = JobFeeder(
        [job],
        is_done=lambda job: all(is_finished(item, ledger, artifacts) for item in job.items),
        on_done=lambda job: None,
        on_lost=lambda job: None,
    )
    state, slots = RunState([job]), SimpleNamespace(fit=1)
    events = TuneEvents(state, source, slots, ledger, artifacts, ignore)  # type: ignore[arg-type]
    trial = SimpleNamespace(config=source.suggest("1"))
    events.on_trial_start(0, [], trial)
    source.note_death("1", DIED)
    source.on_trial_complete("1", None, error=True)
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


def test_a_run_that_another_driver_took_over_ends_with_that(bucket: ObjectPath) -> None:
    ledger = Ledger(bucket / "run")
    stopper = StorageStopper(ledger)
    with ledger.lock():
        assert not stopper("trial", {})
        assert not stopper.stop_all()
        pickle.dumps((stopper, ledger))  # as Tune does
        put_if_absent(ledger.root / "lease" / "00000002.json", b"{}")
        assert ledger._lease is not None
        ledger._lease._sure_at -= 3600  # as if this process had been suspended
        assert not stopper("trial", {})
        assert stopper.stop_all()
    assert stopper.error is not None
    assert "another raysat took over" in stopper.error.message


def test_how_the_store_reaches_a_machine_is_told_and_begins_no_job(tmp_path: Path) -> None:
    (job,), told = train_jobs([way("trial", 6)]), []
    state, source = RunState([job]), SimpleNamespace()
    events = TuneEvents(
        state,
        source,  # type: ignore[arg-type]
        SimpleNamespace(fit=1),  # type: ignore[arg-type]
        Ledger(tmp_path / "run"),
        Artifacts(tmp_path / "generated"),
        told.append,
    )
    news = Copying(node="node1", done=1, total=2)
    trial = SimpleNamespace(config={"job": job})
    events.on_trial_start(1, [], trial)
    events.on_trial_result(1, [], trial, to_result(StoreTold(job=job.id, news=news)))
    assert told == [news]
    assert [row.state for row in state.open_rows] == [State.STARTING]


def test_a_node_that_is_unfit_is_told_once_and_without_another_the_run_ends(tmp_path: Path) -> None:
    jobs, told = train_jobs([way("trial", 6)]), []
    node = UnfitNode(node="0a", place="10.0.0.7", reason="GPU 0 (H100) is lost", remedy="restart the machine")
    slots = SimpleNamespace(fit=1, grows=False)
    source = JobFeeder(jobs, is_done=lambda job: False, on_done=lambda job: None, on_lost=lambda job: None)
    state = RunState(jobs)
    ledger, artifacts = Ledger(tmp_path / "run"), Artifacts(tmp_path / "generated")
    events = TuneEvents(state, source, slots, ledger, artifacts, told.append)  # type: ignore[arg-type]
    for name in ("1", "2"):  # the second attempt had its reservation before the first one ended
        trial = SimpleNamespace(config=source.suggest(name))
        events.on_trial_start(0, [], trial)
        source.note_death(name, Death(account="", unfit=node))
        source.on_trial_complete(name, None, error=True)
        events.on_trial_error(0, [], trial)
    assert told == [NodeUnfit(node="10.0.0.7", reason="GPU 0 (H100) is lost")]
    assert [row.state for row in state.open_rows] == [State.WAITING], "although no retries are allowed"
    assert state.retries == 0
    events.on_step_end(1, [])  # another node is there
    assert events.error is None
    slots.fit = 0
    with pytest.raises(KeyboardInterrupt):
        events.on_step_end(2, [])
    assert events.error is not None
    assert events.error.message == "no machine is left that can do a job: 10.0.0.7: GPU 0 (H100) is lost"
    assert events.error.hint == "restart the machine; the same command resumes from here"


@pytest.mark.parametrize("where", ["the end of a job", "its failure"])
def test_storage_that_fails_in_tunes_loop_ends_the_run_with_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def unreachable(*arguments: object) -> None:
        raise DiskError("cannot reach the bucket")

    jobs, ledger = train_jobs([way("trial", 6)]), Ledger(tmp_path / "run")
    at_end = unreachable if where == "the end of a job" else ignore
    source = JobFeeder(jobs, is_done=lambda job: False, on_done=at_end, on_lost=lambda job: None)
    slots = SimpleNamespace(fit=1, grows=False)
    events = TuneEvents(
        RunState(jobs),
        source,
        slots,  # type: ignore[arg-type]
        ledger,
        Artifacts(tmp_path / "generated"),
        ignore,
    )
    trial = SimpleNamespace(config=source.suggest("1"))
    events.on_trial_start(0, [], trial)
    if at_end is ignore:
        monkeypatch.setattr(ledger, "write_failure", unreachable)
        source.note_death("1", DIED)
    else:  # Tune takes what is raised there for a failure of the trial, and would tell of it
        source.on_trial_complete("1", to_result(JobDone(job=jobs[0].id)))
    source.on_trial_complete("1", None, error=True)
    events.on_trial_error(0, [], trial)
    with pytest.raises(KeyboardInterrupt):
        events.on_step_end(1, [])
    assert str(events.error) == "cannot reach the bucket"
