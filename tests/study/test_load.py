"""Study files: what they mean, and what each mistake in one says."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from raysat.config.families.images import AugMix
from raysat.config.families.learning import Adam, Sgd, Swa
from raysat.config.families.losses import CrossEntropy, Ldam
from raysat.config.families.reweight import Drw
from raysat.config.families.schedules import Constant, Cosine, Triangular
from raysat.config.schema import Config
from raysat.errors import RaysatError, StudyError, UsageError
from raysat.study.load import load_study, parse_settings
from tests.helpers.paths import SPACES
from tests.helpers.study import assert_one_error, load, shipped_studies


def test_table2_holds_the_papers_seven_rows() -> None:
    study = load_study(SPACES / "table2.yaml")
    arms = {arm.name: arm.config for arm in study.arms}
    assert list(arms) == [f"({row})" for row in range(1, 8)]
    assert study.seeds == (0, 1, 2)
    assert study.reference == "table2"
    assert arms["(1)"].data.bands == "all"
    assert all(arms[f"({row})"].data.bands == "agriculture" for row in range(2, 8))
    assert [isinstance(config.loss, Ldam) for config in arms.values()] == [False] * 3 + [True] * 4
    assert [isinstance(config.reweight, Drw) for config in arms.values()] == [False] * 3 + [True] * 4
    assert [isinstance(config.augment, AugMix) for config in arms.values()] == [False, False, True] + [False, True] * 2
    assert [isinstance(config.average, Swa) for config in arms.values()] == [False] * 5 + [True] * 2
    assert [isinstance(config.schedule, Triangular) for config in arms.values()] == [False] * 5 + [True] * 2
    assert {(config.optim.epochs, config.optim.batch_size, config.optim.clip_norm) for config in arms.values()} == {
        (40, 32, 1.0)
    }


def test_every_shipped_study_loads() -> None:
    arms = {file.name: len(load_study(file).arms) for file in shipped_studies()}
    assert arms == {
        "bands.yaml": 21,
        "full_factorial.yaml": 128,
        "modern.yaml": 21,
        "quickstart.yaml": 4,
        "table1.yaml": 9,
        "table2.yaml": 7,
    }


def test_defaults_without_arms(tmp_path: Path) -> None:
    study = load(tmp_path, "base: {}\n")
    assert (study.name, study.seeds) == ("study", (0,))
    assert [(arm.name, arm.config) for arm in study.arms] == [("base", Config())]


def test_dotted_and_nested_overrides_agree(tmp_path: Path) -> None:
    dotted, nested = load(
        tmp_path,
        "arms:\n  a: {optim.lr: 1e-4, data.bands: [6, 5, 2]}\n  b: {optim: {lr: 1e-4}, data: {bands: [6, 5, 2]}}\n",
    ).arms
    assert dotted.config == nested.config
    assert dotted.config.optim.lr == 1e-4
    assert dotted.config.data.bands == (6, 5, 2)


def test_an_override_keeps_the_rest_and_another_kind_what_it_has_too(tmp_path: Path) -> None:
    text = """
    base: {optim: {lr: 0.5, epochs: 7, clip_norm: 2.0}, schedule: {kind: cosine, final_lr: 0.01}}
    arms:
      same kind: {optim: {kind: adam, lr: 0.25}, schedule: {warmup: 0.5}}
      other kind: {optim: {kind: sgd, momentum: 0.5}, schedule: {kind: constant}}
      and back: {optim: {kind: adam}}
    """
    same, other, back = (arm.config for arm in load(tmp_path, text).arms)
    assert (same.optim.lr, same.optim.epochs, same.optim.clip_norm) == (0.25, 7, 2.0)
    assert same.schedule == Cosine(final_lr=0.01, warmup=0.5)
    assert other.optim == Sgd(lr=0.5, epochs=7, clip_norm=2.0, momentum=0.5)
    assert other.schedule == Constant()
    assert back.optim == Adam(lr=0.5, epochs=7, clip_norm=2.0)


def test_settings_win_over_arms(tmp_path: Path) -> None:
    study = load(
        tmp_path,
        "arms:\n  a: {model.name: resnet50, optim.epochs: 9}\n  b: {loss: {kind: ldam}}\nseeds: 4\n",
        overrides=parse_settings(
            ["model.name=resnet34", "loss={kind: cross_entropy}", "data.bands=[6, 5, 2]", "optim.lr=1e-4"]
        ),
        epochs=2,
        seeds=3,
    )
    assert study.seeds == (0, 1, 2)
    for arm in study.arms:
        assert (arm.config.model.name, arm.config.optim.epochs, arm.config.optim.lr) == ("resnet34", 2, 1e-4)
        assert arm.config.loss == CrossEntropy()
        assert arm.config.data.bands == (6, 5, 2)


def test_dotted_and_nested_keys_of_one_section_join(tmp_path: Path) -> None:
    optim = load(tmp_path, "base: {optim.lr: 0.5, optim: {epochs: 3}, optim.batch_size: 4}\n").arms[0].config.optim
    assert (optim.lr, optim.epochs, optim.batch_size) == (0.5, 3, 4)


MISTAKES = {
    "unknown top key": ("bsae: {}", "1: unknown key 'bsae'", "'base'"),
    "unknown key": ("base:\n  optim: {lrr: 1}", "2: unknown key 'optim.lrr'", "'lr'"),
    "unknown section": ("base:\n  optimm: {lr: 1}", "2: unknown key 'optimm'", "'optim'"),
    "unknown key of a member": ("base:\n  loss: {kind: ldam, max_margn: 1}", "2: unknown key", "'max_margin'"),
    "key of another member": ("base:\n  loss: {max_margin: 1}", "2: unknown key 'loss.max_margin'", "kind"),
    "unknown kind": ("base: {}\narms:\n  a: {loss: {kind: ldma}}", "3: loss.kind must be one of", "'ldam'"),
    "bound": (
        "arms:\n  a:\n    loss:\n      kind: ldam\n      max_margin: -1",
        "5: loss.max_margin must be >= 1e-06, got -1",
        "",
    ),
    "bound of a fraction": ("base: {reweight: {kind: drw, switch: 1.5}}", "reweight.switch must be <= 1, got 1.5", ""),
    "text for a number": ("base:\n  optim:\n    epochs: '4'", "3: optim.epochs must be a whole number, got '4'", ""),
    "fraction for a whole number": ("base:\n  optim: {epochs: 4.5}", "2: optim.epochs must be a whole number", ""),
    "infinite": ("base: {loss: {kind: ldam, scale: .inf}}", "1: loss.scale must be a finite number, got inf", ""),
    "two fields that disagree": ("base: {schedule: {kind: triangular, max_lr: 1e-6}}", "must not be below base_lr", ""),
    "section is no mapping": ("base: {loss: 3}", "1: loss", ""),
    "duplicate key": ("base:\n  optim: {lr: 1, lr: 2}", '2: duplicate key "lr"', "once"),
    "duplicate arm": ("arms:\n  a: {}\n  a: {optim.lr: 1}", '3: duplicate key "a"', "once"),
    "numbered arm": ("arms:\n  1: {}", "2: arm 1 must be named by text", "quote"),
    "broken YAML": ("arms: {a: [1", "1: not valid YAML", ""),
    "tab": ("arms:\n\ta: 1", "2: not valid YAML", ""),
    "no mapping": ("- a", "1: a study is a mapping", "base"),
    "empty": ("", "1: a study is a mapping", "base"),
    "study that is a path": ("study: ../x", "1: study '../x' cannot name a folder", "letters"),
    "seeds": ("seeds: [0, 0]", "1: seeds must be different whole numbers", ""),
    "negative seed": ("seeds: [-1]", "1: seeds must be", ""),
    "key given twice": ("base:\n  optim.lr: 0.01\n  optim: {lr: 0.5}", "3: optim.lr is given twice", "once"),
    "key given twice, dotted last": (
        "arms:\n  a:\n    optim: {lr: 0.5}\n    optim.lr: 0.01",
        "4: optim.lr is given twice",
        "once",
    ),
    "key given twice, deeper": ("base: {a: {b.c: 1, b: {c: 1}}}", "1: a.b.c is given twice", "once"),
    "section and its key": ("base: {loss: 3, loss.kind: ldam}", "1: loss is given twice", "once"),
    "no bands": (
        "base:\n  data: {bands: []}",
        "2: data.bands must be 'all', a composite's name, or a list of bands, got []",
        "",
    ),
    "bands as a number": ("base: {data: {bands: 4}}", "1: data.bands must be 'all', a composite's name", ""),
    "classes as text": (
        "base: {synthetic: {kind: dcgan, classes: water}}",
        "1: synthetic.classes must be 'minority' or a list of classes, got 'water'",
        "",
    ),
    "a class as a fraction": (
        "base: {synthetic: {kind: dcgan, classes: [1.5]}}",
        "1: synthetic.classes.0 must be a class's number or name, got 1.5",
        "",
    ),
    "an amount beside equalise": ("base: {synthetic: {kind: dcgan, patches: 9}}", "patches needs equalise: false", ""),
    "no amount": ("base: {synthetic: {kind: dcgan, equalise: false}}", "equalise: false needs patches", ""),
    "milestones that descend": (
        "base: {schedule: {kind: multistep, milestones: [0.8, 0.2]}}",
        "milestones must ascend, got [0.8, 0.2]",
        "",
    ),
    "a milestone outside training": (
        "base: {schedule: {kind: multistep, milestones: [1.2]}}",
        "1: schedule.milestones.0 must be < 1, got 1.2",
        "",
    ),
    "no milestone": (
        "base: {schedule: {kind: multistep, milestones: []}}",
        "1: schedule.milestones must hold at least 1, got []",
        "",
    ),
    "a weight of no loss": ("base: {augment: {kind: augmix, jsd: false, jsd_weight: 3.0}}", "jsd_weight needs jsd", ""),
    "a dropped band as a fraction": (
        "base: {data: {drop: [1.5]}}",
        "1: data.drop.0 must be a band's number or name, got 1.5",
        "",
    ),
    "a band that is none": (
        "base: {data: {bands: [6, 1.5]}}",
        "1: data.bands.1 must be a band's number or name, got 1.5",
        "",
    ),
}


RATE = "optim.lr does nothing: schedule is triangular here, which brings its own rates"
MISTAKES |= {
    "a rate beside a schedule with its own, in base": (
        "base:\n  schedule: {kind: triangular}\n  optim: {lr: 0.1}\narms: {a: {}, b: {loss.kind: ldam}}",
        f"3: {RATE}",
        "schedule.max_lr",
    ),
    "a rate beside a schedule with its own, in an arm": (
        "base: {optim.lr: 0.1}\narms:\n  a: {}\n  b: {schedule.kind: triangular, optim.lr: 0.2}",
        f"4: {RATE}",
        "leave optim.lr out",
    ),
    "a rate over a schedule with its own": (
        "base: {schedule: {kind: triangular}}\narms:\n  a: {}\n  b: {optim.lr: 0.2}",
        f"4: {RATE}",
        "schedule.max_lr",
    ),
    "an axis of rates that no schedule uses": (
        "grid:\n  optim.lr: [0.1, 0.2]\n  schedule: [{kind: triangular}, {kind: one_cycle}]",
        "2: optim.lr does nothing: schedule is triangular or one_cycle here",
        "schedule.max_lr",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_error_with_its_place(tmp_path: Path, mistake: str) -> None:
    assert_one_error(tmp_path, *MISTAKES[mistake])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overrides": {"optim.lrr": 3}}, "overrides optim.lrr: unknown key 'optim.lrr'"),
        ({"overrides": {"optim.lr": -3}}, "overrides optim.lr: optim.lr must be >= 1e-12, got -3"),
        ({"overrides": {"a\nb": -3}}, "overrides a b: unknown key 'a\\nb'"),
        ({"overrides": {"optim.lr": object()}}, "overrides optim.lr: <object object at"),
        ({"overrides": {3: 1}}, "overrides: a key must be text, got 3"),
        ({"epochs": 0}, "epochs: optim.epochs must be >= 1, got 0"),
        ({"seeds": 2}, "seeds 2: the study has 1"),
        ({"seeds": 0}, "seeds 0"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        load(tmp_path, "base: {}", **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim.lr", "optim.lr: write it as key=value"),
        ("optim.lr=[1", "optim.lr: not valid YAML: the '[' here is not closed"),
    ],
)
def test_a_setting_that_is_none(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_settings([text])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"absent\.yaml: no such file"):
        load_study(tmp_path / "absent.yaml")


def test_yaml_tags_build_nothing(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        load(tmp_path, f"base: !!python/object/apply:os.mkdir [{tmp_path / 'made'}]\n")
    assert not (tmp_path / "made").exists()


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text("ab:é", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["base", "arms", "grid", "zip", "seeds", "optim", "loss", "kind", "a.b"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(deadline=None)  # times vary on a busy machine
@given(
    document=st.dictionaries(st.sampled_from(["base", "arms", "grid", "zip", "exclude", "seeds", "study"]), YAML_VALUES)
)
def test_any_document_is_a_study_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    file = tmp_path_factory.mktemp("any") / "study.yaml"
    YAML(typ="safe").dump(document, file)
    message = ""
    try:
        assert load_study(file).arms
    except RaysatError as error:
        message = error.message
    assert "\n" not in message
