"""Methods that treat all classes alike: found wherever the numbers of training are equal, and nowhere else."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from raysat.config.class_weights import class_weights
from raysat.config.schema import Config
from raysat.data.store import PatchStore, StoreWriter
from raysat.planning.build import PendingJobs, Plan, make_plan
from raysat.planning.no_effect import no_effects
from raysat.planning.summary import summarize
from raysat.study.arm import Arm
from raysat.study.load import Study
from raysat.training.class_constants import class_constants
from raysat.views.plan import no_effect_lines, show_plan

ALL = {"loss": {"kind": "ldam"}, "reweight": {"kind": "drw"}, "sampler": {"kind": "inverse_frequency"}}
GAN = {"kind": "dcgan"}
CLASSES = ("crop", "built", "water")


def store_of(folder: Path, counts: tuple[int, ...] = (20, 8, 5)) -> PatchStore:
    path = folder / "-".join(map(str, counts))
    if (path / "store.json").exists():
        return PatchStore.open(path)
    names = CLASSES[: len(counts)]
    with StoreWriter(path, bands=("B1",), classes=names, sensor=None, source={"kind": "test"}) as writer:
        for label, count in enumerate(counts):
            for index in range(count):
                writer.add(np.full((1, 4, 4), index % 256, dtype=np.uint8), label)
        return writer.close()


def plan_of(store: PatchStore, arms: dict[str, dict[str, Any]]) -> Plan:
    named = tuple(Arm(name=name, config=Config.model_validate(parts)) for name, parts in arms.items())
    return make_plan(Study(name="study", arms=named, seeds=(0, 1), reference=None, text=""), store)


def said(store: PatchStore, **parts: Any) -> list[str]:
    return [each.sentence for each in no_effects(plan_of(store, {"a": parts}))]


@pytest.mark.parametrize(
    ("counts", "parts", "expected"),
    [
        ((20, 8, 5), ALL, []),
        (
            (20, 8, 5),
            {**ALL, "synthetic": GAN},
            [
                "LDAM margins, DRW and the inverse_frequency sampler treat all classes alike: every class has 20 "
                "training patches (synthetic.equalise); synthetic.class_counts: real uses those of the real ones"
            ],
        ),
        ((20, 8, 5), {**ALL, "synthetic": {**GAN, "class_counts": "real"}}, []),
        ((20, 8, 5), {**ALL, "synthetic": {**GAN, "classes": ("water",)}}, []),  # built stays rare
        (
            (20, 8, 8),
            {"reweight": {"kind": "drw"}, "synthetic": {**GAN, "equalise": False, "patches": 12}},
            [
                "DRW treats all classes alike: every class has 20 training patches (with the generated ones); "
                "synthetic.class_counts: real uses those of the real ones"
            ],
        ),
        (
            (20, 20),
            {
                "loss": {"kind": "balanced_softmax"},
                "synthetic": {**GAN, "classes": (0, 1), "equalise": False, "patches": 5},
            },
            [
                "balanced softmax treats all classes alike: every class has 25 training patches (with the "
                "generated ones)"
            ],
        ),
        (
            (20, 20),
            {
                "sampler": {"kind": "square_root"},
                "synthetic": {**GAN, "classes": (0,), "equalise": False, "patches": 5, "class_counts": "real"},
            },
            ["the square_root sampler treats all classes alike: every class has 20 real training patches"],
        ),
        (
            (20, 8, 5),
            {"synthetic": {**GAN, "class_counts": "real"}},
            ["synthetic.class_counts: real changes nothing: no margins, weights or sampler go by class counts"],
        ),
        ((20, 8, 5), {"synthetic": {**GAN, "class_counts": "real"}, "second_stage": {"kind": "crt"}}, []),
        (
            (9, 9),
            {"loss": {"kind": "ldam"}, "second_stage": {"kind": "mislas"}},
            ["LDAM margins and the second stage's batches treat all classes alike: every class has 9 training patches"],
        ),
        (
            (9, 9),
            {"second_stage": {"kind": "crt"}},
            ["the second stage's batches treat all classes alike: every class has 9 training patches"],
        ),
        (
            (1500, 1500),
            {"reweight": {"kind": "inverse_frequency"}, "loss": {"kind": "logit_adjustment"}},
            [
                "logit adjustment and inverse_frequency weights treat all classes alike: every class has 1,500 "
                "training patches"
            ],
        ),
        (
            (20, 8, 5),
            {"loss": {"kind": "logit_adjustment", "tau": 0.0}, "sampler": {"kind": "drs"}},
            ["logit adjustment treats all classes alike: loss.tau is 0"],
        ),
        (
            (20, 8, 5),
            {"loss": {"kind": "vector_scaling", "gamma": 0.0, "tau": 0.0}},
            ["vector scaling treats all classes alike: loss.gamma and loss.tau are 0"],
        ),
        (
            (20, 8, 5),
            {"loss": {"kind": "label_aware_smoothing", "head": 0.1, "tail": 0.1}},
            ["label-aware smoothing treats all classes alike: loss.head and loss.tail are both 0.1"],
        ),
        (
            (20, 20),
            {"loss": {"kind": "label_aware_smoothing"}},
            ["label-aware smoothing treats all classes alike: every class has 20 training patches"],
        ),
        ((20, 20), {"reweight": {"kind": "influence_balanced"}}, []),  # it acts on patches, too
        ((20, 8, 5), {"sharpness": {"kind": "imbsam"}}, []),
        ((20, 8, 5), {"sharpness": {"kind": "imbsam"}, "synthetic": {**GAN, "class_counts": "real"}}, []),
        (
            (20, 8, 5),
            {"sharpness": {"kind": "imbsam", "tail": 0.45}},
            [
                "ImbSAM changes nothing, at twice the cost: every class has 5 training patches or more, and "
                "sharpness.tail 0.45 means fewer than 5.0"
            ],
        ),
        (
            (20, 8, 5),
            {"reweight": {"kind": "effective_number", "beta": 0.0}, "sampler": {"kind": "drs", "beta": 0.01}},
            [
                "effective_number weights treat all classes alike: reweight.beta 0 gives 5 and 20 patches the same "
                "weight",
                "DRS treats all classes alike: sampler.beta 0.01 gives 5 and 20 patches the same weight",
            ],
        ),
        (
            (20, 20),
            {"augment": {"kind": "remix"}},
            ["Remix, then mixup, treats all classes alike: every class has 20 training patches"],
        ),
        ((20, 8, 5), {"augment": {"kind": "remix"}}, []),
        (
            (20, 8, 8),
            {"augment": {"kind": "remix"}},
            ["Remix is mixup: no class has augment.kappa 3 times the patches of another, 2.5 at most"],
        ),
        ((20, 8, 5), {"augment": {"kind": "remix", "tau": 0.0}}, ["Remix is mixup: augment.tau is 0"]),
        (
            (20, 8, 5),
            {"augment": {"kind": "balanced_mixup"}, "synthetic": GAN},
            [
                "Balanced-MixUp treats all classes alike: every class has 20 training patches (synthetic.equalise); "
                "synthetic.class_counts: real uses those of the real ones"
            ],
        ),
        ((20, 8, 5), {"augment": {"kind": "balanced_mixup"}, "synthetic": {**GAN, "class_counts": "real"}}, []),
    ],
)
def test_what_is_said(tmp_path: Path, counts: tuple[int, ...], parts: dict[str, Any], expected: list[str]) -> None:
    assert said(store_of(tmp_path, counts), **parts) == expected


LOSSES: list[dict[str, Any]] = [
    {"kind": kind}
    for kind in ("cross_entropy", "focal", "ldam", "balanced_softmax", "logit_adjustment", "vector_scaling")
]
LOSSES += [{"kind": "asymmetric"}, {"kind": "label_aware_smoothing"}]
FLAT: list[dict[str, Any]] = [
    {"kind": "logit_adjustment", "tau": 0.0},
    {"kind": "vector_scaling", "gamma": 0.0, "tau": 0.0},
    {"kind": "label_aware_smoothing", "head": 0.2, "tail": 0.2},
]
BETAS = st.sampled_from([0.0, 0.01, 0.2, 0.9, 0.9999])


@pytest.mark.slow
@given(
    counts=st.lists(st.integers(2, 12), min_size=2, max_size=3).map(tuple) | st.sampled_from([(7, 7), (9, 9, 9)]),
    loss=st.sampled_from([*LOSSES, *FLAT]),
    reweight=st.sampled_from(["none", "inverse_frequency", "effective_number", "drw"]),
    sampler=st.sampled_from(["uniform", "inverse_frequency", "square_root", "effective_number", "drs"]),
    beta=BETAS,
    synthetic=st.none() | st.sampled_from(["all", "real"]),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_to_treat_classes_alike_does_in_training_and_nothing_else(
    tmp_path: Path, counts: tuple[int, ...], loss: Any, reweight: str, sampler: str, beta: float, synthetic: str | None
) -> None:
    store, parts = store_of(tmp_path, counts), {"loss": loss}
    for section, kind in (("reweight", reweight), ("sampler", sampler)):
        parts[section] = {"kind": kind} | ({"beta": beta} if kind in ("effective_number", "drw", "drs") else {})
    n = np.array(counts)
    if synthetic is not None and n.min() < n.max():
        parts["synthetic"] = {**GAN, "class_counts": synthetic}
        n = np.full(len(n), n.max()) if synthetic == "all" else n
    config = Config.model_validate(parts)
    draws = {"inverse_frequency": 1 / n, "square_root": n**-0.5}.get(sampler, (1 - beta) / (1 - beta**n))
    numbers = {
        "loss": class_constants(config.loss, n),
        "reweight": class_weights(config.reweight, n, epoch=39, epochs=40)[None],
        "sampler": draws[None],
    }
    idle = {section for section, rows in numbers.items() if np.allclose(rows, rows[:, :1], rtol=1e-7, atol=0)}
    plain = ("cross_entropy", "focal", "asymmetric", "none", "uniform")
    idle -= {section for section in idle if parts[section]["kind"] in plain}
    alike = " ".join(sentence for sentence in said(store, **parts) if "alike" in sentence)
    words = {
        "loss": ("LDAM", "balanced softmax", "logit adjustment", "vector scaling", "label-aware smoothing"),
        "reweight": ("DRW", "_frequency weights", "_number weights"),
        "sampler": ("DRS", "_frequency sampler", "_number sampler", "_root sampler"),
    }
    found = {section for section, called in words.items() if any(word in alike for word in called)}
    assert found == idle


def test_arms_of_which_the_same_is_said_share_a_line(tmp_path: Path) -> None:
    arms = {f"arm {n}": {**ALL, "synthetic": GAN} for n in range(7)} | {"other": {"loss": ALL["loss"]}}
    plan = plan_of(store_of(tmp_path), {"plain": {}, **arms, "bare": {"loss": ALL["loss"], "synthetic": GAN}})
    both = no_effects(plan)
    assert [each.arms for each in both] == [tuple(f"arm {n}" for n in range(7))] * 2 + [("bare",)]
    assert both[0].sentence == "these train the same weights, so their results are equal"
    lines = no_effect_lines(both, 80, {"bare": "#10"})
    assert "no effect  arms 'arm 0', 'arm 1', 'arm 2', 'arm 3', 'arm 4', 2 more: LDAM" in lines
    assert any(line.startswith("no effect  arm #10: LDAM margins treat") for line in lines)
    assert all(len(line) <= 80 and line.startswith(("no effect  ", " " * 11)) for line in lines)


def test_arms_that_end_in_the_same_weights_are_named(tmp_path: Path) -> None:
    flat = {"schedule": {"kind": "multistep", "milestones": (0.9,)}, "optim": {"kind": "adam", "epochs": 9}}
    plain, swa = {"optim": flat["optim"]}, {"average": {"kind": "swa"}}
    later = {**flat, "schedule": {"kind": "multistep", "milestones": (0.95,)}}  # both lower the rate at the ninth epoch
    arms = {"plain": plain, "0.9": flat, "0.95": later, "0.95 swa": later | swa, "swa": flat | swa}
    equal = [each.arms for each in no_effects(plan_of(store_of(tmp_path), arms)) if "same weights" in each.sentence]
    assert equal == [("0.9", "0.95"), ("0.95 swa", "swa")]


def test_plan_says_it_below_what_can_be_shown(tmp_path: Path) -> None:
    plan = plan_of(store_of(tmp_path), {"plain": {}, "(9) $": {**ALL, "synthetic": GAN}})
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    show_plan(summarize(plan, PendingJobs.of(plan, tmp_path / "runs")), console)
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    start = shown.index("no effect  arm '(9) $': LDAM margins, DRW and the inverse_frequency sampler")
    assert shown.index("What it can show") < start < shown.index("What it costs")
    assert shown[start + 1 : start + 5] == [
        "           treat all classes alike: every class has 20 training patches",
        "           (synthetic.equalise); synthetic.class_counts: real uses those of the",
        "           real ones",
        "",
    ]
