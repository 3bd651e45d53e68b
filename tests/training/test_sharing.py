"""Chains of random studies, trained without Ray: every trial equals the same trial trained alone, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from raysat.config.schema import Trial, variants
from raysat.data.store import PatchStore, Split
from raysat.planning.jobs import PlannedTrial, plan_trial
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import TrainJob, shared_samples, train_jobs
from raysat.training.checkpoint import decode
from raysat.training.engine import Engine
from raysat.training.loop import Training, train
from raysat.training.results import Logits, TrialResult
from tests.helpers.training import MakeStore, config

pytestmark = pytest.mark.slow

FAMILIES: dict[str, list[dict[str, Any]]] = {
    "loss": [{"kind": "cross_entropy"}, {"kind": "ldam"}, {"kind": "label_aware_smoothing"}, {"kind": "coral"}],
    "reweight": [
        {"kind": "none"},
        {"kind": "drw", "switch": 0.5},
        {"kind": "drw", "switch": 0.7, "beta": 0.9},
        {"kind": "influence_balanced"},
    ],
    "sampler": [{"kind": "uniform"}, {"kind": "drs", "switch": 0.5}],
    "schedule": [
        {"kind": "constant"},
        {"kind": "constant", "warmup": 0.3},
        {"kind": "multistep", "milestones": [0.5]},
        {"kind": "triangular", "step_epochs": 1},
    ],
    "average": [
        {"kind": "none"},
        {"kind": "swa"},
        {"kind": "swa", "start": 0.5, "every": 0.25},
        {"kind": "ema", "decay": 0.8},
    ],
    "augment": [{"kind": "none"}, {"kind": "mixup"}, {"kind": "remix", "flips": True}, {"kind": "balanced_mixup"}],
    "sharpness": [{"kind": "none"}, {"kind": "sam"}, {"kind": "imbsam"}],
    "readout": [{"kind": kind} for kind in variants("readout")],
    "optim": [{"kind": "adam"}, {"kind": "sgd", "momentum": 0.9}],
}
EPOCHS = st.sampled_from([2, 3, 4])


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store()


@st.composite
def arms(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some arms that differ from one base in a family or two, so that they share much and fork anywhere."""
    base = {name: draw(st.sampled_from(members)) for name, members in FAMILIES.items()}
    found = []
    for _ in range(draw(st.integers(2, 5))):
        changed = draw(st.lists(st.sampled_from([*FAMILIES, "epochs"]), max_size=2, unique=True))
        arm = base | {name: draw(st.sampled_from(FAMILIES[name])) for name in changed if name != "epochs"}
        if arm["loss"]["kind"] == "coral":  # which goes with neither (tests/training/test_check.py)
            arm |= {"readout": {"kind": "dihedral"}, "reweight": {"kind": "none"}}
        epochs = draw(EPOCHS) if "epochs" in changed else 4
        found.append(arm | {"optim": {**arm["optim"], "epochs": epochs, "batch_size": 8}})
    return found


def jobs_of(parts: list[dict[str, Any]], store: PatchStore, *, share: bool = True) -> list[PlannedTrial]:
    made = {}
    for number, part in enumerate(parts):
        job = plan_trial(
            Trial(config=resolve_config(config(**part), store), seed=1), store, arm=f"arm {number}", reuse_epochs=share
        )
        made.setdefault(job.id, job)
    return list(made.values())


def trained(found: tuple[TrainJob, ...], store: PatchStore, broken: Callable[[int], bool]) -> dict[str, TrialResult]:
    """Train chains as workers do, through saved states; where ``broken``, a new process goes on."""
    states: dict[str, bytes] = {}
    results: dict[str, TrialResult] = {}
    left = list(found)
    while left:
        chain = next(each for each in left if not each.start_epoch or each.states[each.start_epoch] in states)
        left.remove(chain)
        carried = [(tracked.average, tracked.epochs) for tracked in chain.tracked_averages]
        until = {tracked.id: tracked.last_epoch for tracked in chain.tracked_averages}

        def begin(at: int, chain: TrainJob = chain, carried: list[Any] = carried) -> Training:
            training = Training(chain.trials[-1].trial, store, averages=carried)
            if at:
                state = decode(states[chain.states[at]])
                for average in training.averages - state.averages.keys():
                    training.drop_average(average)
                training.restore(state)
            return training

        training = begin(chain.start_epoch)
        for job in chain.trials:
            while training.epoch < job.epochs:
                for average in [key for key in training.averages if until[key] <= training.epoch]:
                    training.drop_average(average)
                training.advance()
                states[chain.states[training.epoch]] = training.state().encode()
                if broken(training.epoch):
                    training = begin(training.epoch)
            results[job.id] = training.result(job.trial.config.average, job.trial.config.readout)
    return results


def alone(job: PlannedTrial, store: PatchStore) -> TrialResult:
    return train(job.trial, store)


def assert_equal(one: TrialResult, other: TrialResult) -> None:
    assert one.metrics == other.metrics
    assert one.readout == other.readout
    assert one.samples_seen == other.samples_seen
    assert [(row.epoch, row.loss, row.lr, row.metrics, row.samples_seen) for row in one.history] == [
        (row.epoch, row.loss, row.lr, row.metrics, row.samples_seen) for row in other.history
    ]
    assert one.probabilities.tobytes() == other.probabilities.tobytes()
    assert one.state_dict.keys() == other.state_dict.keys()
    assert all(torch.equal(value, other.state_dict[name]) for name, value in one.state_dict.items())


@given(parts=arms(), breaks=st.sets(st.integers(1, 3)))
@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_shared_trial_equals_the_same_trial_alone(
    store: PatchStore, parts: list[dict[str, Any]], breaks: set[int]
) -> None:
    jobs = jobs_of(parts, store)
    results = trained(train_jobs(jobs), store, lambda epoch: epoch in breaks)
    assert results.keys() == {job.id for job in jobs}
    for job in jobs:
        assert_equal(results[job.id], alone(job, store))


def test_readouts_share_all_training_and_the_passes_of_their_network(
    store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One network and its average, each read in every way: val and test are predicted once for each."""
    optim = {"kind": "adam", "epochs": 2, "batch_size": 8}
    averages: list[dict[str, Any]] = [{"kind": "none"}, {"kind": "ema"}]
    parts = [
        {"optim": optim, "average": average, "readout": readout}
        for readout in FAMILIES["readout"]
        for average in averages
    ]
    jobs = jobs_of(parts, store)
    (job,) = train_jobs(jobs)
    assert job.fork_epochs == ()
    assert shared_samples(jobs) == jobs[0].samples_seen
    passes: list[str] = []
    logits = Engine.logits

    def counted(engine: Engine, network: nn.Module, split: Split) -> Logits:
        passes.append(split)
        return logits(engine, network, split)

    monkeypatch.setattr(Engine, "logits", counted)
    results = trained((job,), store, lambda _: False)
    # Of epochs; of each network; and of its copy that finds nearest means.
    assert sorted(passes) == sorted(["val"] * (2 + 1 + 2) + ["test"] * (2 + 2))
    monkeypatch.undo()
    for trial in jobs:
        assert_equal(results[trial.id], alone(trial, store))


@pytest.mark.parametrize("kind", ["logit_adjustment", "prior"])
def test_what_a_longer_trial_defers_does_not_touch_the_readout_of_one_that_ends_before(
    store: PatchStore, kind: str
) -> None:
    optim = {"kind": "adam", "batch_size": 8}
    jobs = jobs_of(
        [
            {"optim": {**optim, "epochs": 2}, "readout": {"kind": kind}},
            {"optim": {**optim, "epochs": 4}, "readout": {"kind": kind}, "reweight": {"kind": "drw", "switch": 0.5}},
        ],
        store,
    )
    (job,) = train_jobs(jobs)
    results = trained((job,), store, lambda _: False)
    readouts = [results[trial.id].readout for trial in jobs]
    assert readouts[0] != readouts[1]
    for trial in jobs:
        assert_equal(results[trial.id], alone(trial, store))


@pytest.mark.parametrize(
    ("part", "epochs"),
    [({"reweight": {"kind": "drw", "switch": 0.5}}, 2), ({"sampler": {"kind": "drs", "switch": 0.75}}, 3)],
)
def test_what_is_shared_would_differ_from_its_fork_on(store: PatchStore, part: dict[str, Any], epochs: int) -> None:
    """The tree forks where weights part, and no later: the state after the fork's first epoch is another one."""
    plain, deferred = jobs_of(
        [{"optim": {"kind": "adam", "epochs": 4, "batch_size": 8}} | each for each in ({}, part)], store
    )
    assert sum(one == other for one, other in zip(plain.states, deferred.states, strict=True)) == epochs + 1
    first, second = (Training(job.trial, store) for job in (plain, deferred))
    for epoch in range(1, epochs + 2):
        first.advance()
        second.advance()
        weights = zip(first.state().network.values(), second.state().network.values(), strict=True)
        assert all(torch.equal(one, other) for one, other in weights) == (epoch <= epochs)
