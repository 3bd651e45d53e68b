"""What is refused before anything trains."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.config.schema import Config
from raysat.errors import BandError, PlanError
from raysat.training.check import _check_points, band_positions, check
from tests.helpers.plugins import plugin_text, source_of_text, used
from tests.helpers.training import MakeStore, config


def test_a_good_configuration_passes(make_store: MakeStore) -> None:
    check(config(), make_store())


def test_a_missing_band_is_named(make_store: MakeStore) -> None:
    with pytest.raises(BandError, match="'B9' is not in the store"):
        check(config(data={"bands": ["B6", "B9"]}), make_store())


@pytest.mark.parametrize("bands", [["B6"], ["B6", "B5"]])
def test_bands_are_left_out_of_several_alone(make_store: MakeStore, bands: list[str]) -> None:
    what = config(data={"bands": bands}, augment={"kind": "band_dropout"})
    if len(bands) > 1:
        check(what, make_store())
        return
    with pytest.raises(PlanError, match="band_dropout leaves out bands, but the trial trains on one") as found:
        check(what, make_store())
    assert found.value.hint


def test_bands_are_found_in_the_studys_order(make_store: MakeStore) -> None:
    assert band_positions(config(data={"bands": [2, "B6"]}), make_store()) == (2, 0)


@pytest.mark.parametrize(
    ("counts", "batch", "message"),
    [
        ({"train": (5, 0, 3), "val": (1, 1, 1)}, 4, "no training patch of class 'class1'"),
        ({"train": (5, 2, 3), "val": (1, 1, 1)}, 11, "batch_size is 11, but .* has 10 training patches"),
        ({"train": (5, 2, 3)}, 4, "neither val nor test"),
    ],
)
def test_a_store_that_cannot_serve_is_refused(make_store: MakeStore, counts, batch, message) -> None:
    with pytest.raises(PlanError, match=message) as found:
        check(config(optim={"batch_size": batch}), make_store(counts))
    assert found.value.hint


def test_coral_is_refused_where_scores_cannot_share_their_weights(make_store: MakeStore) -> None:
    store = make_store()
    with pytest.raises(PlanError, match="coral has one score of a patch") as found:
        check(config(loss={"kind": "coral"}, model={"classifier": "cosine"}), store)
    assert "corn" in (found.value.hint or "")
    check(config(loss={"kind": "corn"}, model={"classifier": "cosine"}), store)
    with used(source_of_text(plugin_text("model"))):
        plain = {"model": {"kind": "own"}, "optim": {"kind": "adam", "batch_size": 8}}
        with pytest.raises(PlanError, match="the network of the plugin own does not know of"):
            check(Config.model_validate(plain | {"loss": {"kind": "coral"}}), store)
        check(Config.model_validate(plain | {"loss": {"kind": "corn"}}), store)


def test_one_class_is_refused(make_store: MakeStore) -> None:
    with pytest.raises(PlanError, match="1 class"):
        check(config(), make_store({"train": (9,), "val": (2,)}, classes=1))


def test_checking_needs_no_torch() -> None:
    code = "import sys, raysat.training.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["resnet19", "resnet18.bogus"])
def test_an_unknown_model_is_refused_with_near_names(make_store: MakeStore, name: str) -> None:
    with pytest.raises(PlanError, match=r"timm (knows no model|has no pretrained tag)") as found:
        check(config(model={"name": name}), make_store())
    assert "resnet18" in (found.value.hint or "")


def test_dropped_bands_are_left_out(make_store: MakeStore) -> None:
    store = make_store()
    assert band_positions(config(data={"bands": "all", "drop": ["B5"]}), store) == (0, 2)
    with pytest.raises(BandError, match="dropped band 'B5' is not among the selected bands B6, B2"):
        check(config(data={"bands": [6, 2], "drop": [5]}), store)
    with pytest.raises(BandError, match="every selected band"):
        check(config(data={"bands": [6], "drop": [6]}), store)


@pytest.mark.parametrize("kind", ["triangular", "triangular2", "exp_range"])
def test_a_cycle_whose_peak_lies_beyond_training_is_refused(make_store: MakeStore, kind: str) -> None:
    store = make_store()
    for step_epochs in (0.01, 1.5, 2.0):
        check(config(schedule={"kind": kind, "step_epochs": step_epochs}), store)
    with pytest.raises(PlanError, match=r"step_epochs is 2.5, but optim.epochs is 2: .* never reach") as found:
        check(config(schedule={"kind": kind, "step_epochs": 2.5}), store)
    assert found.value.hint == "set schedule.step_epochs to 2 or less, or optim.epochs to 3 or more"


@given(first=st.floats(0.005, 0.99), epochs=st.integers(1, 50))
@settings(max_examples=40)
def test_a_milestone_in_the_first_epoch_is_refused_and_the_hint_helps(first: float, epochs: int) -> None:
    def trained(epochs: int) -> Config:
        return config(schedule={"kind": "multistep", "milestones": [first, 0.995]}, optim={"epochs": epochs})

    if first * epochs >= 1:
        _check_points(trained(epochs))
    elif first * epochs < 1 - 1e-6:
        with pytest.raises(PlanError, match="within the first of") as found:
            _check_points(trained(epochs))
        (more,) = re.findall(r"optim.epochs to (\d+) or more", found.value.hint or "")
        _check_points(trained(int(more)))
        assert int(more) == 1 or first * (int(more) - 1) < 1


@pytest.mark.parametrize(
    ("swa", "epochs", "hint"),
    [({"start": 1.0}, 12, "lower average.start"), ({}, 1, "epochs to 2"), ({"start": 0.9}, 4, "lower average.start")],
)
def test_an_average_of_one_snapshot_is_refused(
    make_store: MakeStore, swa: dict[str, float], epochs: int, hint: str
) -> None:
    with pytest.raises(PlanError, match="takes 1 snapshot: there is nothing to average") as found:
        check(config(average={"kind": "swa", **swa}, optim={"epochs": epochs}), make_store())
    assert hint in (found.value.hint or "")


def test_averages_of_two_and_of_every_step_pass(make_store: MakeStore) -> None:
    check(config(average={"kind": "swa"}, optim={"epochs": 2}), make_store())
    check(config(average={"kind": "ema"}, optim={"epochs": 1}), make_store(name="other"))


@pytest.mark.parametrize(("section", "kind"), [("reweight", "drw"), ("sampler", "drs")])
def test_a_deferred_method_that_never_switches_is_refused(make_store: MakeStore, section: str, kind: str) -> None:
    store = make_store()
    for switch in (0.0, 0.5, 0.999):
        check(config(**{section: {"kind": kind, "switch": switch}}), store)
    with pytest.raises(PlanError, match=f"{section}.switch is 1, the end of training") as found:
        check(config(**{section: {"kind": kind, "switch": 1.0}}), store)
    assert found.value.hint == f"set {section}.switch below 1"


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"kind": "cosine", "warmup": 0.1}, "schedule.warmup is 0.1 of training, which has 10 steps"),
        ({"kind": "constant", "warmup": 0.14}, "too short to warm up over"),
        ({"kind": "one_cycle", "peak": 0.1}, "schedule.peak is 0.1 of training, which has 10 steps"),
        ({"kind": "cosine", "final_lr": 0.5}, "schedule.final_lr is 0.5, above optim.lr 0.001"),
    ],
)
def test_a_schedule_that_would_do_nothing_or_harm_is_refused(
    make_store: MakeStore, schedule: dict[str, object], message: str
) -> None:
    """42 patches in batches of 8 are 5 and a rest of 2: 6 steps; of 9 they are 4 and a rest of 6: 5 steps an epoch."""
    with pytest.raises(PlanError, match=re.escape(message)):
        check(config(schedule=schedule, optim={"batch_size": 9}), make_store())


@pytest.mark.parametrize(
    "schedule",
    [{"kind": "cosine", "warmup": 0.15}, {"kind": "one_cycle", "peak": 0.2}, {"kind": "cosine", "final_lr": 0.001}],
)
def test_a_schedule_at_the_edge_is_accepted(make_store: MakeStore, schedule: dict[str, object]) -> None:
    check(config(schedule=schedule, optim={"batch_size": 9}), make_store())
