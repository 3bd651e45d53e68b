"""Training a job's stages without Ray: where it resumes, what it saves, reads out and reports, and when it stops."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
import torch

from raysat.config.families.learning import NoAverage
from raysat.config.schema import variants
from raysat.config.spacing import Spacing
from raysat.execution.messages import EpochDone, JobDone, Score, TrialDone
from raysat.execution.workers.stage_runner import run_train_job
from raysat.execution.workers.worker_context import WorkerGroup
from raysat.planning.stages import TrainJob
from raysat.training.checkpoint import decode
from raysat.training.loop import Training
from raysat.training.results import EpochReport
from tests.helpers.training import MakeStore
from tests.helpers.worker import Bench, checkpoint, one_job, planned

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def train(job: TrainJob, bench: Bench, group: WorkerGroup | None = None) -> None:
    run_train_job(job, bench.context, group or WorkerGroup(), device=CPU)


def weights(bench: Bench, trial: str) -> bytes:
    return bench.storage.records[trial]["model.pt"]


@pytest.fixture(name="bench")
def _bench(make_store: MakeStore) -> Bench:
    return Bench(make_store())


def test_each_trial_is_read_out_where_it_ends(bench: Bench) -> None:
    short, long = (planned(bench.store, optim={"epochs": epochs}) for epochs in (2, 3))
    train(one_job(short, long), bench)
    kinds = [type(message) for message in bench.told]
    assert kinds == [EpochDone, EpochDone, TrialDone, EpochDone, JobDone]
    assert bench.told[2].trial == short.id
    assert all(isinstance(message.score, Score) for message in bench.told)
    assert set(bench.storage.records) == {short.id, long.id}
    alone = Bench(bench.store)
    train(one_job(short), alone)
    assert weights(alone, short.id) == weights(bench, short.id)


def test_readouts_share_a_job_and_leave_what_they_would_alone(bench: Bench) -> None:
    """Through the records of one job, and of one that is resumed for a readout which came later."""
    readouts = [{"kind": kind} for kind in variants("readout")]
    *first, later = (planned(bench.store, optim={"epochs": 2}, readout=readout) for readout in readouts)
    train(one_job(*first), bench)
    assert bench.epochs() == [1, 2]
    train(one_job(later), bench)
    assert bench.epochs() == [1, 2, 2], "from the checkpoint of the first epoch"
    for trial in (*first, later):
        alone = Bench(bench.store)
        train(one_job(trial), alone)
        assert weights(alone, trial.id) == weights(bench, trial.id)
        kept, again = (each.storage.records[trial.id] for each in (bench, alone))
        assert kept["predictions.npz"] == again["predictions.npz"]
        one, other = (json.loads(each["record.json"]) for each in (kept, again))
        assert one["metrics"] == other["metrics"]
        assert one.get("readout") == other.get("readout")
        assert ("readout" in one) == (trial.trial.config.readout.kind != "none")


def test_checkpoints_of_the_last_epoch_and_at_forks_stay(bench: Bench) -> None:
    trial = planned(bench.store, optim={"epochs": 4})
    job = replace(one_job(trial), fork_epochs=(1,))
    train(job, bench)
    assert trial.states[1] in bench.storage.states
    assert len(bench.storage.states) <= 2, "each replaces the one before"
    assert decode(bench.storage.states[trial.states[1]]).epoch == 1
    assert bench.saved[0] == 1
    assert bench.messages[-1] == JobDone(job=trial.id, score=bench.messages[-1].score), "nothing follows the end"


def test_by_default_no_more_than_forks_is_saved_of_what_takes_no_time(bench: Bench) -> None:
    trial = planned(bench.store, optim={"epochs": 4})
    bench.spacing = Spacing()
    train(replace(one_job(trial), fork_epochs=(1, 2)), bench)
    assert set(bench.storage.states) == {trial.states[1], trial.states[2]}
    assert bench.saved == [1, 2]


def test_what_nobody_expected_costs_the_epoch_it_was_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest state is in host memory though it was not due: it is saved before the worker ends."""
    trial, advance = planned(bench.store, optim={"epochs": 4}), Training.advance
    bench.spacing = Spacing(seconds=86_400)

    def break_down(training: Training) -> EpochReport:
        if training.epoch == 2:
            raise ZeroDivisionError
        return advance(training)

    monkeypatch.setattr(Training, "advance", break_down)
    with pytest.raises(ZeroDivisionError):
        train(one_job(trial), bench)
    monkeypatch.undo()
    again = Bench(bench.store, storage=bench.storage)
    train(one_job(trial), again)
    assert again.epochs(from_checkpoint=True) + again.epochs() in ([2, 3, 4], [1, 2, 3, 4])
    alone = Bench(bench.store)
    train(one_job(trial), alone)
    assert weights(alone, trial.id) == weights(again, trial.id)


@pytest.mark.parametrize("eager", [False, True])
def test_training_is_told_whether_graphs_are_wanted(bench: Bench, monkeypatch: pytest.MonkeyPatch, eager: bool) -> None:
    told, begin = [], Training.__init__

    def listen(training: Training, *given: Any, **options: Any) -> None:
        told.append(options["eager"])
        begin(training, *given, **options)

    monkeypatch.setattr(Training, "__init__", listen)
    bench.eager = eager
    train(one_job(planned(bench.store, optim={"epochs": 1})), bench)
    assert told == [eager]


@pytest.mark.parametrize("replay", [False, True])
def test_it_resumes_from_the_deepest_checkpoint(bench: Bench, replay: bool) -> None:
    trial = planned(bench.store, optim={"epochs": 4})
    for epochs in (1, 3):
        bench.storage.states[trial.states[epochs]] = checkpoint(trial, bench.store, epochs)
    train(replace(one_job(trial), replay_history=replay), bench)
    assert bench.epochs(from_checkpoint=True) == ([1, 2, 3] if replay else [3])
    assert bench.epochs() == [4]
    alone = Bench(bench.store)
    train(one_job(trial), alone)
    assert weights(alone, trial.id) == weights(bench, trial.id)


@pytest.mark.parametrize("fault", ["damaged", "not ours", "gone when read", "of another model"])
def test_a_checkpoint_that_does_not_serve_costs_epochs_alone(bench: Bench, fault: str) -> None:
    trial, storage = planned(bench.store, optim={"epochs": 3}), bench.storage
    storage.states[trial.states[1]] = checkpoint(trial, bench.store, 1)
    storage.states[trial.states[2]] = b"a pickle of another age"
    if fault == "damaged":
        storage.damaged.add(trial.states[2])
    elif fault == "gone when read":
        storage.states[trial.states[2]] = b""
    elif fault == "of another model":
        other = planned(bench.store, optim={"epochs": 3}, model={"stem": "adapter"})
        storage.states[trial.states[2]] = checkpoint(other, bench.store, 2)
    train(one_job(trial), bench)
    assert (bench.epochs(from_checkpoint=True), bench.epochs()) == ([1], [2, 3])
    alone = Bench(bench.store)
    train(one_job(trial), alone)
    assert weights(alone, trial.id) == weights(bench, trial.id)


@pytest.mark.parametrize("needed", [True, False])
def test_a_checkpoint_must_have_the_averages_that_are_still_needed(bench: Bench, needed: bool) -> None:
    trial = planned(bench.store, optim={"epochs": 3}, average={"kind": "ema"} if needed else {"kind": "none"})
    bench.storage.states[trial.states[2]] = checkpoint(trial, bench.store, 2, average=NoAverage())
    train(one_job(trial), bench)
    found = bench.epochs(from_checkpoint=True), bench.epochs()
    assert found == (([], [1, 2, 3]) if needed else ([2], [3]))


def test_a_retry_trains_what_is_missing_and_tells_of_what_is_not(bench: Bench) -> None:
    """The worker dies after the record of the first trial; its report died with it."""
    short, long = (planned(bench.store, optim={"epochs": epochs}) for epochs in (2, 4))
    job = one_job(short, long)
    write_record = bench.storage.write_record

    def die(trial: str, files: Any) -> None:
        write_record(trial, files)
        raise SystemExit

    bench.storage.write_record = die  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        train(job, bench)
    bench.storage.write_record = write_record  # type: ignore[method-assign]
    retry = Bench(bench.store, storage=bench.storage)
    train(job, retry)
    assert retry.told[:2] == [
        EpochDone(job=long.id, epoch=2, score=retry.told[0].score, from_checkpoint=True),
        TrialDone(job=long.id, trial=short.id),
    ]
    assert retry.epochs() == [3, 4]
    assert set(bench.storage.records) == {short.id, long.id}


def test_a_job_whose_records_are_written_is_not_trained_again(bench: Bench) -> None:
    """The worker died after the last record; that all is done is told at once."""
    short, long = (planned(bench.store, optim={"epochs": epochs}) for epochs in (2, 4))
    job = one_job(short, long)
    train(job, bench)
    bench.storage.states.clear()
    again = Bench(bench.store, storage=bench.storage)
    train(job, again)
    assert again.messages == [TrialDone(job=long.id, trial=short.id), JobDone(job=long.id)]
    assert again.storage.states == {}


def test_a_trial_whose_record_was_damaged_is_trained_without_those_after_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = (planned(bench.store, optim={"epochs": epochs}) for epochs in (2, 4))
    job = one_job(short, long)
    train(job, bench)
    bench.storage.states.clear()
    del bench.storage.records[short.id]
    again = Bench(bench.store, storage=bench.storage)
    save = again.storage.save_state

    def save_slowly(*args: Any) -> None:
        time.sleep(0.3)
        save(*args)

    monkeypatch.setattr(again.storage, "save_state", save_slowly)
    train(job, again)
    assert again.epochs() == [1, 2]
    assert again.saved
    assert again.messages[-1] == JobDone(job=long.id), "nothing follows the end of a job"
    assert set(bench.storage.records) == {short.id, long.id}


@pytest.mark.parametrize("stoppable", [False, True])
def test_a_stoppable_job_ends_when_the_slot_has_another(bench: Bench, stoppable: bool) -> None:
    trial = planned(bench.store, optim={"epochs": 3})
    bench.inbox.put(None)
    train(replace(one_job(trial), stoppable=stoppable), bench)
    assert bench.epochs() == ([1] if stoppable else [1, 2, 3])
    assert (trial.id in bench.storage.records) != stoppable


class Second(WorkerGroup):
    """A worker that is told what rank zero knows."""

    def broadcast(self, value: Any) -> Any:
        return TOLD.pop(0)


TOLD: list[Any] = []


def test_a_worker_that_is_not_rank_zero_follows_it_and_writes_nothing(bench: Bench) -> None:
    trial = planned(bench.store, optim={"epochs": 3})
    bench.storage.states[trial.states[1]] = checkpoint(trial, bench.store, 1)
    group = Second(is_rank_zero=False, single_worker=False)
    TOLD[:] = [[trial.id], trial.states[1], True]  # unfinished, the checkpoint, that it can be read there
    saved = dict(bench.storage.states)
    train(one_job(trial), bench, group)
    assert (bench.messages, bench.storage.records, bench.storage.states) == ([], {}, saved)
    assert TOLD == []
    TOLD[:] = [[trial.id], trial.states[2], True]
    with pytest.raises(RuntimeError, match="cannot be read here"):
        train(one_job(trial), bench, group)
    TOLD[:] = [[trial.id], trial.states[1], False, None]  # rank zero cannot read it: all start anew
    train(one_job(trial), bench, group)
    assert TOLD == []


def test_scores_are_of_the_validation_split(bench: Bench) -> None:
    trial = planned(bench.store, optim={"epochs": 1})
    train(one_job(trial), bench)
    done = bench.messages[-1]
    assert isinstance(done, JobDone)
    val = json.loads(bench.storage.records[trial.id]["record.json"])["metrics"]["val"]
    assert done.score == Score(balanced_accuracy=val["balanced_accuracy"], icv=val["icv"])
