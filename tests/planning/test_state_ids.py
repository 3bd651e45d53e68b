"""Names of states: what they are made of, and what long trainings have in place of every step's rate."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raysat.config.families.learning import Adam
from raysat.config.families.schedules import Constant, Cosine, MultiStep, OneCycle, Schedule, Triangular
from raysat.config.learning_rate import learning_rate
from raysat.config.schema import Config, canonical_json, digest
from raysat.planning import state_ids as trajectory
from raysat.planning.state_ids import state_chain

SCHEDULES = st.sampled_from(
    [
        Constant(),
        Constant(warmup=0.3),
        MultiStep(milestones=(0.35, 0.8), gamma=0.3),
        MultiStep(milestones=(0.5,), warmup=0.6),
        Cosine(warmup=0.1),
        Triangular(step_epochs=1.5),
        OneCycle(),
    ]
)
EPOCHS, STEPS = st.integers(1, 9), st.integers(1, 7)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Names are kept for equal questions; tests change what they are made of."""
    trajectory._rates.cache_clear()
    yield
    trajectory._rates.cache_clear()


def names(schedule: Schedule, epochs: int, steps: int, lr: float = 0.1) -> tuple[str, ...]:
    config = Config(optim=Adam(lr=lr, epochs=epochs), schedule=schedule)
    return state_chain(config, generated=["g"], steps=steps).ids(3, {"data": canonical_json("d")})


def rates(schedule: Schedule, epochs: int, steps: int, lr: float = 0.1) -> list[list[str]]:
    """Every step's rate, epoch by epoch, to twelve digits."""
    optim = Adam(lr=lr, epochs=epochs)
    return [
        [
            f"{learning_rate(schedule, optim, step=epoch * steps + step, steps_per_epoch=steps):.12g}"
            for step in range(steps)
        ]
        for epoch in range(epochs)
    ]


@given(schedule=SCHEDULES, epochs=EPOCHS, steps=STEPS)
def test_a_name_is_the_hash_of_the_one_before_and_all_that_decides_the_epoch(
    schedule: Schedule, epochs: int, steps: int
) -> None:
    """Checkpoints are found by these names: how they are come by may change, what they are may not."""
    spec: dict[str, Any] = Config(optim=Adam(epochs=epochs)).identity()
    for section in ("synthetic", "reweight", "sampler", "schedule", "average"):
        del spec[section]
    del spec["optim"]["lr"], spec["optim"]["epochs"]
    expected = [digest({"data": "d", "seed": 3, "config": spec, "generated": ["g"]})]
    for epoch in rates(schedule, epochs, steps):
        own = {"rates": digest(epoch), "reweight": {"kind": "none"}, "sampler": {"kind": "uniform"}}
        expected.append(digest({"after": expected[-1], **own}))
    assert names(schedule, epochs, steps) == tuple(expected)


@given(
    one=SCHEDULES,
    other=st.none() | SCHEDULES,  # the same, or any
    epochs=st.tuples(EPOCHS, EPOCHS) | EPOCHS.map(lambda number: (number, number)),
    lrs=st.tuples(*[st.sampled_from([0.1, 0.2])] * 2),
    steps=STEPS,
    by_value=st.just(0) | st.integers(0, 20),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equal_names_are_equal_rates_however_long_the_training(
    monkeypatch: pytest.MonkeyPatch,
    one: Schedule,
    other: Schedule | None,
    epochs: tuple[int, int],
    lrs: tuple[float, float],
    steps: int,
    by_value: int,
) -> None:
    def both() -> list[tuple[str, ...]]:
        trajectory._rates.cache_clear()
        trials = zip((one, other or one), epochs, lrs, strict=True)
        return [names(schedule, number, steps, lr) for schedule, number, lr in trials]

    exact = both()
    with monkeypatch.context() as patch:
        patch.setattr(trajectory, "_BY_VALUE", by_value)
        found = both()
    for its, its_exact in zip(found, exact, strict=True):
        assert its[: by_value // steps + 1] == its_exact[: by_value // steps + 1]
    shared = [mine == its for mine, its in zip(*found, strict=False)]
    assert all(mine == its for mine, its, same in zip(*exact, shared, strict=False) if same)


@pytest.mark.parametrize("schedule", [Constant(), MultiStep(milestones=(0.5,))])
def test_level_schedules_share_at_any_length(monkeypatch: pytest.MonkeyPatch, schedule: Schedule) -> None:
    exact = names(schedule, 8, 5)
    trajectory._rates.cache_clear()
    monkeypatch.setattr(trajectory, "_BY_VALUE", 0)
    assert names(schedule, 8, 5) == exact


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule", [Constant(), Constant(warmup=0.9), MultiStep(), Cosine(), Triangular(), OneCycle()]
)
def test_a_long_training_is_named_without_a_look_at_every_step(
    monkeypatch: pytest.MonkeyPatch, schedule: Schedule
) -> None:
    """27 million steps, which took half a minute one by one."""
    asked = []

    def counting(*args: Any, **given: Any) -> float:
        asked.append(given["step"])
        return learning_rate(*args, **given)

    monkeypatch.setattr(trajectory, "learning_rate", counting)
    found = names(schedule, 10_000, 2_700)
    assert len(set(found)) == 10_001
    assert len(asked) <= trajectory._BY_VALUE + 10_000


@pytest.mark.parametrize(
    ("kind", "by_counts"),
    [("none", False), ("mixup", False), ("cutmix", False), ("remix", True), ("balanced_mixup", True)],
)
def test_which_counts_count_is_named_where_an_augmentation_goes_by_them(kind: str, by_counts: bool) -> None:
    ids = []
    for counts in ("all", "real"):
        parts = {"augment": {"kind": kind}, "synthetic": {"kind": "dcgan", "class_counts": counts}}
        config = Config.model_validate(parts)
        ids.append(state_chain(config, generated=["g"], steps=3).ids(0, {}))
    assert (ids[0][0] != ids[1][0]) == by_counts
