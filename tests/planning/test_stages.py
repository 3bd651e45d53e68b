"""The stage tree: what is shared, where it forks, and what each chain carries."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raysat.config.schema import Config
from raysat.data.store import PatchStore
from raysat.planning.build import Plan, make_plan
from raysat.planning.stages import TrainJob, longest_first, shared_prefixes, shared_samples, train_jobs, unshared_job
from raysat.planning.state_ids import state_chain
from raysat.study.load import load_study

BASE = "study: tree\nbase: {model: {name: test_resnet}, optim: {epochs: 10, batch_size: 16}}\nseeds: [3]\n"


def plan_of(folder: Path, store: PatchStore, arms: str, *, share: bool = True, base: str = BASE) -> Plan:
    file = folder / "tree.yaml"
    file.write_text(base + arms, encoding="utf-8")
    return make_plan(load_study(file), store, reuse_epochs=share)


def shape(found: tuple[TrainJob, ...]) -> list[tuple[list[str], int, tuple[int, ...]]]:
    return [([job.arm for job in chain.trials], chain.start_epoch, chain.fork_epochs) for chain in found]


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        ("{a: {}, b: {average: {kind: swa}}, c: {average: {kind: ema}}}", [(["a", "b", "c"], 0, ())]),
        ("{a: {}, b: {reweight: {kind: drw}}}", [(["a"], 0, (8,)), (["b"], 8, ())]),
        ("{a: {}, b: {sampler: {kind: drs, switch: 0.35}}}", [(["a"], 0, (3,)), (["b"], 3, ())]),
        ("{a: {}, b: {optim.epochs: 20}, c: {optim.epochs: 5}}", [(["c", "a", "b"], 0, ())]),
        ("{a: {}, b: {loss: {kind: ldam}}}", [(["a"], 0, ()), (["b"], 0, ())]),
        ("{a: {}, b: {schedule: {kind: multistep, milestones: [0.6]}}}", [(["a"], 0, (6,)), (["b"], 6, ())]),
        ("{a: {}, b: {schedule: {kind: cosine}}}", [(["a"], 0, ()), (["b"], 0, ())]),
        (  # where a longer branch leaves later, the longest goes on in the same process
            "{a: {}, b: {reweight: {kind: drw, switch: 0.2}, optim.epochs: 20}}",
            [(["a"], 4, ()), (["b"], 0, (4,))],
        ),
        (  # two ways to say the same: deferred reweighting at 0 is reweighting
            "{a: {reweight: {kind: effective_number}}, b: {reweight: {kind: drw, switch: 0.0}}}",
            [(["a", "b"], 0, ())],
        ),
        ("{a: {data.bands: [6]}, b: {data.bands: [5]}}", [(["a"], 0, ()), (["b"], 0, ())]),
    ],
)
def test_trials_share_the_epochs_that_they_have_in_common(
    tmp_path: Path, landsat_store: PatchStore, arms: str, expected: object
) -> None:
    assert shape(plan_of(tmp_path, landsat_store, f"arms: {arms}\n").train_jobs) == expected


def test_seeds_share_nothing(tmp_path: Path, landsat_store: PatchStore) -> None:
    plan = plan_of(tmp_path, landsat_store, "arms: {a: {}}\n", base=BASE.replace("[3]", "[3, 4]"))
    assert len(plan.train_jobs) == 2


def test_no_share_trains_every_trial_alone_under_the_same_id(tmp_path: Path, landsat_store: PatchStore) -> None:
    arms = "arms: {a: {}, b: {average: {kind: swa}}, c: {reweight: {kind: drw}}}\n"
    shared, apart = (plan_of(tmp_path, landsat_store, arms, share=share) for share in (True, False))
    assert [job.id for job in shared.trials] == [job.id for job in apart.trials]
    assert [chain.start_epoch for chain in apart.train_jobs] == [0, 0, 0]
    assert sum(chain.samples_seen for chain in apart.train_jobs) == apart.samples_seen == shared.samples_seen
    assert sum(chain.samples_seen for chain in shared.train_jobs) == shared.samples_seen // 30 * 12


def test_an_average_is_carried_as_long_as_its_trial_is_on_the_chain(tmp_path: Path, landsat_store: PatchStore) -> None:
    arms = (
        "arms: {a: {}, b: {reweight: {kind: drw}, average: {kind: swa}}, c: {optim.epochs: 5, average: {kind: ema}}}\n"
    )
    main, fork = plan_of(tmp_path, landsat_store, arms).train_jobs
    kept = [
        [(tracked.average.kind, tracked.epochs, tracked.last_epoch) for tracked in job.tracked_averages]
        for job in (main, fork)
    ]
    assert kept == [[("swa", 10, 8), ("ema", 5, 5)], [("swa", 10, 10)]]
    assert fork.needs == (main.states[8],)


@pytest.mark.slow
@given(
    arms=st.lists(
        st.tuples(
            st.sampled_from(["none", "drw", "late"]),
            st.sampled_from(["uniform", "drs"]),
            st.sampled_from(["constant", "triangular"]),
            st.sampled_from(["none", "swa"]),
            st.integers(2, 12),
        ),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_trains_each_state_once_and_reads_out_each_trial(
    tmp_path: Path, landsat_store: PatchStore, arms: list[tuple[str, str, str, str, int]]
) -> None:
    reweight = {"none": "{kind: none}", "drw": "{kind: drw}", "late": "{kind: drw, switch: 0.95}"}
    text = "arms:\n" + "".join(
        f"  a{n}: {{reweight: {reweight[one]}, sampler: {{kind: {two}}}, schedule: {{kind: {three}}}, "
        f"average: {{kind: {four}}}, optim.epochs: {epochs}}}\n"
        for n, (one, two, three, four, epochs) in enumerate(arms)
    )
    plan = plan_of(tmp_path, landsat_store, text)
    found = plan.train_jobs
    assert sorted(job.id for chain in found for job in chain.trials) == sorted(job.id for job in plan.trials)
    own = [state for chain in found for state in chain.states[chain.start_epoch + 1 :]]
    assert len(own) == len(set(own)), "a state is trained twice"
    assert set(own) == {state for job in plan.trials for state in job.states[1:]}
    by_id = {chain.id: chain for chain in found}
    for chain in found:
        assert chain.trials == tuple(sorted(chain.trials, key=lambda job: job.epochs))
        if chain.parent is not None:
            left = by_id[chain.parent]
            assert chain.states[: chain.start_epoch + 1] == left.states[: chain.start_epoch + 1]
            assert chain.start_epoch in left.fork_epochs
            assert left.start_epoch < chain.start_epoch
    assert train_jobs(plan.trials) == found
    assert shared_samples(plan.trials) == sum(job.samples_seen for job in found)


def test_the_longest_jobs_of_a_seed_come_first(tmp_path: Path, landsat_store: PatchStore) -> None:
    arms = """
arms:
  short: {optim.epochs: 4, loss.kind: focal}
  plain: {}
  deferred: {reweight: {kind: drw, switch: 0.8}}
  views: {augment.kind: augmix}
"""
    plan = plan_of(tmp_path, landsat_store, arms, base=BASE.replace("[3]", "[3, 1]"))
    ordered = [(job.trials[-1].seed, job.trials[-1].arm) for job in longest_first(train_jobs(plan.trials))]
    once = ["views", "plain", "short", "deferred"]  # three views of ten epochs; ten; four; two, after eight shared ones
    assert ordered == [(seed, arm) for seed in (3, 1) for arm in once]


def test_the_chain_of_one_trial(tmp_path: Path, landsat_store: PatchStore) -> None:
    (job, _) = plan_of(tmp_path, landsat_store, "arms: {a: {}, b: {average: {kind: swa}}}\n").trials
    chain = unshared_job(job)
    assert (chain.trials, chain.start_epoch, chain.fork_epochs, chain.tracked_averages) == ((job,), 0, (), ())
    assert chain.states == job.states


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ({}, {"average": {"kind": "swa"}}, 11),
        ({}, {"optim": {"kind": "adam", "lr": 0.01}}, 1),  # the same start, and other steps
        ({}, {"optim": {"kind": "adam", "clip_norm": 1.0}}, 0),
        ({"schedule": {"kind": "constant", "warmup": 0.2}}, {"schedule": {"kind": "constant", "warmup": 0.3}}, 1),
        ({"schedule": {"kind": "triangular"}}, {"schedule": {"kind": "exp_range", "gamma": 1.0}}, 11),
        ({"schedule": {"kind": "triangular"}}, {"schedule": {"kind": "triangular2"}}, 5),  # its first cycle
    ],
)
def test_states_are_named_by_what_decides_them(one: dict[str, object], other: dict[str, object], common: int) -> None:
    names = []
    for part in (one, other):
        optim = {"kind": "adam", "epochs": 10, **part.get("optim", {})}  # type: ignore[dict-item]
        config = Config.model_validate({**part, "optim": optim})
        names.append(state_chain(config, generated=(), steps=7).ids(0, {}))
    assert sum(a == b for a, b in zip(*names, strict=True)) == common


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        ("{a: {}, b: {average: {kind: swa}}, c: {average: {kind: ema}}}", [None, (0, 10), (0, 10)]),
        (
            "{a: {}, b: {reweight: {kind: drw}}, c: {reweight: {kind: drw}, average: {kind: swa}}}",
            [None, (0, 8), (1, 10)],
        ),
        ("{a: {}, b: {loss: {kind: ldam}}}", [None, None]),
        ("{a: {}, b: {optim.epochs: 20}, c: {optim.epochs: 5}}", [None, (0, 10), (0, 5)]),
    ],
)
def test_an_arm_shares_the_most_epochs_with_the_first_that_has_them(
    tmp_path: Path, landsat_store: PatchStore, arms: str, expected: list[tuple[int, int] | None]
) -> None:
    plan = plan_of(tmp_path, landsat_store, f"arms: {arms}")
    assert shared_prefixes(plan.trials) == expected
    kept = [arm.shared and (arm.shared.arm, arm.shared.epochs) for arm in plan.to_file().arms]
    assert kept == expected


def test_trials_that_train_alone_share_nothing(tmp_path: Path, landsat_store: PatchStore) -> None:
    plan = plan_of(tmp_path, landsat_store, "arms: {a: {}, b: {reweight: {kind: drw}}}", share=False)
    assert shared_prefixes(plan.trials) == [None, None]
