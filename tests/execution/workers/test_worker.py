"""A worker without Ray: how each job ends, what is written of it, and what is reported."""

import shutil

import pytest
import torch

from raysat.errors import StoreError
from raysat.execution.messages import JobDone, JobFailed, StorageFailed, TrialDone
from raysat.execution.unfit import UnfitNodeError
from raysat.execution.workers.worker import do_job
from raysat.execution.workers.worker_context import WorkerGroup
from raysat.generation import classifier
from raysat.planning.jobs import generate_jobs
from raysat.planning.resolve import resolve_config
from tests.helpers.training import MakeStore, config
from tests.helpers.worker import Bench, one_job, planned

DIVERGING = {"optim": {"kind": "sgd", "lr": 1000.0, "weight_decay": 1000.0}}
SECOND = WorkerGroup(is_rank_zero=False, single_worker=False)


def test_a_generate_job_is_written_and_its_steps_are_reported(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "_STEPS", 2)
    store = make_store({"train": (24, 12, 8), "val": (8, 6, 4)})
    gan = config(synthetic={"kind": "dcgan", "classes": ["class2"], "steps": 2, "width": 4, "batch_size": 4})
    (job,) = generate_jobs(resolve_config(gan, store), store)
    bench = Bench(store)
    do_job(job, bench.context, WorkerGroup())
    assert bench.storage.failures == {}
    assert bench.epochs() == [1, 2]
    assert bench.messages[-1] == JobDone(job=job.id)
    assert {"images.npy", "record.json", "generator.pt"} <= bench.storage.generated[job.id].keys()
    again = Bench(store, storage=bench.storage)
    do_job(job, again.context, WorkerGroup())
    assert again.messages == [JobDone(job=job.id)], "another study was first"
    second = Bench(store)
    do_job(job, second.context, SECOND)
    assert (second.messages, second.storage.generated) == ([], {})


def test_a_diverged_loss_fails_the_trials_that_are_not_finished(make_store: MakeStore) -> None:
    store = make_store()
    short, long = (planned(store, optim={**DIVERGING["optim"], "epochs": epochs}) for epochs in (1, 2))
    job, bench = one_job(short, long), Bench(store)
    bench.storage.records[short.id] = {}
    do_job(job, bench.context, WorkerGroup())
    assert bench.messages == [TrialDone(job=long.id, trial=short.id), JobFailed(job=long.id)]
    (failure,) = bench.storage.failures.values()
    assert failure.id == long.id
    assert "epoch 1" in failure.error
    assert failure.traceback is None


def test_of_several_workers_rank_zero_alone_records_a_divergence(make_store: MakeStore) -> None:
    store = make_store()
    bench = Bench(store)
    do_job(one_job(planned(store, **DIVERGING)), bench.context, SECOND)
    assert (bench.messages, bench.storage.failures) == ([], {})


def test_full_storage_ends_the_run_with_the_reason(make_store: MakeStore) -> None:
    store = make_store()
    bench, job = Bench(store), one_job(planned(store))
    bench.storage.is_full = True
    do_job(job, bench.context, WorkerGroup())
    failed = StorageFailed(job=job.id, error="no space left on device", hint="make room")
    assert bench.messages[-1] == failed
    assert not {JobDone, JobFailed, TrialDone} & set(map(type, bench.messages))
    assert bench.storage.failures == {}


def test_an_error_of_one_worker_ends_them_all_and_of_a_single_one_is_recorded(make_store: MakeStore) -> None:
    """Several workers wait for each other in collectives: only new ones can continue."""
    store = make_store()
    job, bench = one_job(planned(store)), Bench(store)
    shutil.rmtree(store.path)
    with pytest.raises(StoreError, match="is not a patch store"):
        do_job(job, bench.context, WorkerGroup(single_worker=False))
    do_job(job, bench.context, WorkerGroup())
    assert bench.messages == [JobFailed(job=job.id)]
    assert "is not a patch store" in bench.storage.failures[job.id].error


def test_a_node_where_torch_sees_no_gpu_is_unfit_and_its_job_is_not(make_store: MakeStore) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    store = make_store()
    bench = Bench(store, gpus=1.0)
    with pytest.raises(UnfitNodeError) as caught:
        do_job(one_job(planned(store)), bench.context, WorkerGroup(node="0a"))
    assert caught.value.unfit.node == "0a"
    assert "torch sees no GPU" in caught.value.unfit.reason
    assert (bench.messages, bench.storage.failures) == ([], {})


def test_what_nobody_expected_ends_the_worker(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store()
    bench, job = Bench(store), one_job(planned(store))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.storage, "unfinished", broken)
    with pytest.raises(ZeroDivisionError):
        do_job(job, bench.context, WorkerGroup())
    assert (bench.messages, bench.storage.failures) == ([], {})
