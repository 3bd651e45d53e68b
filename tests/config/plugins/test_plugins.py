"""Plugins: loaded by name alone, part of the id of what uses them, at home in every process, and clear where wrong."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import raysat
from raysat.config.describe import methods, sections
from raysat.config.plugins.settings import METHODS
from raysat.config.plugins.source import read_source
from raysat.config.plugins.use import changed_plugins, sources_of, use_plugin, without_plugins
from raysat.config.schema import Config, variants
from raysat.data.store import PatchStore
from raysat.errors import PluginError, StudyError
from raysat.files import parse_model
from raysat.planning.build import Plan, make_plan
from raysat.storage.records import TrialSpec
from raysat.study.load import load_study
from tests.helpers.paths import ROOT
from tests.helpers.plugins import SOUND, plugin_text, used, written

STUDY = {
    "base": {"model": {"name": "test_resnet"}, "optim": {"epochs": 2, "batch_size": 8}},
    "arms": {"plain": {}, "own": {"loss": {"kind": "own"}}, "ldam": {"loss": {"kind": "ldam"}}},
}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    METHODS.forget()


def own(section: str = "loss", **settings: object) -> Config:
    return Config.model_validate({section: {"kind": "own", **settings}})


@pytest.mark.parametrize("section", SOUND)
def test_a_method_is_one_of_its_family_once_its_file_is_named(tmp_path: Path, section: str) -> None:
    path = written(tmp_path, plugin_text(section))
    with pytest.raises(ValueError, match=r"union_tag_invalid|no plugin that is named has a model of kind 'own'"):
        own(section)
    with used(path):
        config = own(section, amount=3)
        assert getattr(config, section).amount == 3
        assert Config.model_validate(config.model_dump(mode="json")) == config
        assert variants(section)["own"] is type(getattr(config, section))
        (found,) = methods("own")
        assert [setting.name for setting in found.settings] == ["amount"]
        assert (found.section, found.summary) == (section, "Does its own")
        assert without_plugins(config) == Config()
        assert without_plugins(config, but=(section,)) == config
    assert "own" not in variants(section)
    assert all(method.name != "own" for each in sections() for method in each.methods)


@pytest.mark.slow
def test_settings_bring_their_plugin_to_other_processes(tmp_path: Path) -> None:
    """By content: where its file is gone; the same process has it already."""
    path = written(tmp_path, plugin_text("loss"))
    with used(path):
        config = own(amount=3)
    path.unlink()
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301
    assert type(pickle.loads(pickle.dumps(config.loss))) is type(config.loss)  # noqa: S301
    assert copy.deepcopy(config) == config
    told = (
        "import pickle, sys; c = pickle.load(sys.stdin.buffer); print(c.loss, c.loss.plugin_method.function.__name__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", told], input=pickle.dumps(config), capture_output=True, cwd=tmp_path, env=environment,
        check=True,
    )  # fmt: skip
    assert done.stdout.decode().strip() == f"{config.loss} own"
    assert list(tmp_path.iterdir()) == []


def plan_with(path: Path, store: PatchStore) -> Plan:
    use_plugin(read_source(path))
    return make_plan(load_study(STUDY), store)


def test_its_content_is_part_of_the_ids_of_what_uses_it_alone(tmp_path: Path, landsat_store: PatchStore) -> None:
    text, elsewhere = plugin_text("loss"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    plain = {**STUDY, "arms": {"plain": {}, "ldam": {"loss": {"kind": "ldam"}}}}
    without = make_plan(load_study(plain), landsat_store)
    one = plan_with(written(tmp_path, text), landsat_store)
    other = plan_with(written(tmp_path, text + "# changed\n"), landsat_store)
    METHODS.forget()
    moved = plan_with(written(elsewhere, text, "another_name.py"), landsat_store)
    assert one.trial_ids["own"] != other.trial_ids["own"]
    assert one.trial_ids == moved.trial_ids  # wherever it lies, and whatever it is called
    for arm in ("plain", "ldam"):
        assert one.trial_ids[arm] == other.trial_ids[arm] == without.trial_ids[arm]
    assert [source.text for source in one.plugins] == [text]
    assert without.plugins == ()


@pytest.mark.parametrize("section", ["sampler", "augment", "schedule", "average", "model"])
def test_of_every_family(tmp_path: Path, landsat_store: PatchStore, section: str) -> None:
    study = {**STUDY, "arms": {"plain": {}, "own": {section: {"kind": "own"}}}}
    ids = []
    for more in ("", "# changed\n"):
        use_plugin(read_source(written(tmp_path, plugin_text(section) + more)))
        plan = make_plan(load_study(study), landsat_store)
        ids.append(plan.trial_ids["own"])
        states = {trial.arm: trial.states for trial in plan.trials}
        # A schedule that gives the rates of another one trains the same states, and an average is read along the way.
        assert (states["plain"] == states["own"]) == (section in ("schedule", "average"))
    assert ids[0] != ids[1]


def test_a_sampler_may_go_by_the_length_of_training(tmp_path: Path, landsat_store: PatchStore) -> None:
    """So epochs of a longer training are others from the first one on, where one by 1 / n_c shares them."""
    use_plugin(read_source(written(tmp_path, plugin_text("sampler"))))
    for kind, shared in (("own", 1), ("inverse_frequency", 3)):
        arms = {"short": {}, "long": {"optim": {"epochs": 4}}}
        base = {**STUDY["base"], "sampler": {"kind": kind}}
        short, long = make_plan(load_study({"base": base, "arms": arms}), landsat_store).trials
        assert sum(one == other for one, other in zip(short.states, long.states, strict=False)) == shared


def test_a_record_is_read_as_a_configuration_by_its_own_plugin_alone(tmp_path: Path) -> None:
    use_plugin(read_source(written(tmp_path, plugin_text("loss"))))
    content = TrialSpec(config=own(), seed=1).model_dump_json().encode()
    assert parse_model(TrialSpec, content, Path("spec.json"), remedy="none").config == own()
    use_plugin(read_source(written(tmp_path, plugin_text("loss") + "# changed\n")))
    assert isinstance(parse_model(TrialSpec, content, Path("spec.json"), remedy="none").config, dict)
    METHODS.forget()
    spec = parse_model(TrialSpec, content, Path("spec.json"), remedy="none")
    assert isinstance(spec.config, dict)
    assert spec.settings["loss"]["kind"] == "own"


def test_a_file_that_changed_is_noticed_and_the_later_call_counts(tmp_path: Path) -> None:
    path = written(tmp_path, plugin_text("loss"))
    first = raysat.load_plugin(path)
    before = own()
    assert (first.has_changed, changed_plugins()) == (False, ())
    written(tmp_path, plugin_text("loss") + "# changed\n")
    assert first.has_changed
    assert changed_plugins() == (
        f"own.py has changed since it was read: {first.digest} ran; the same command again trains the new one",
    )
    second = raysat.load_plugin(path)
    assert first.digest != second.digest
    assert own().loss.plugin == second.digest != before.loss.plugin
    assert [source.digest for source in sources_of([before, own()])] == [first.digest, second.digest]
    assert "own" in repr(second)
    path.unlink()
    assert second.has_changed


def test_a_study_may_pin_the_content(tmp_path: Path) -> None:
    plugin = raysat.load_plugin(written(tmp_path, plugin_text("loss")))
    assert load_study({"base": {"loss": {"kind": "own", "plugin": plugin.digest}}}).arms[0].config == own()
    with pytest.raises(StudyError, match=f"own is of the plugin 0123456789abcdef, not of own.py \\({plugin.digest}\\)"):
        load_study({"base": {"loss": {"kind": "own", "plugin": "0123456789abcdef"}}})
    METHODS.forget()
    with pytest.raises(StudyError, match=r"loss: own is a method of the plugin \w{16} .*base") as caught:
        load_study({"base": {"loss": {"kind": "own", "plugin": plugin.digest}}})
    assert caught.value.hint == 'name its file by raysat.load_plugin("FILE.py")'


LOSS = plugin_text("loss")
ALL = "from raysat.extend import *\n"
LISTED = LOSS.replace("float = Field(default=2.0, ge=0, le=10,", "list[int] = Field(default=[2],")
WRONG = {  # text by what is said of it
    "own.py: it registers no method": "x = 1\n",
    "own.py:3: ValueError: why": "\n\nraise ValueError('why')\n",
    "own.py:1: ModuleNotFoundError: No module named 'no_such_module'": "import no_such_module\n",
    "own.py:1: SyntaxError: invalid syntax": "def f(:\n",
    "Error: source code string cannot contain null bytes": "\0",
    "own.py:2: SystemExit: 3": "import sys\nsys.exit(3)\n",
    "own.py:1: NotImplementedError: raysat.extend has no readout: plugins": "from raysat.extend import readout\n",
    "own.py:2: AttributeError: module 'raysat.extend' has": "import raysat.extend as e\ne.no_such\n",
    "own.py:2: TypeError: SamplerSettings must derive": f"{ALL}@loss(SamplerSettings)\ndef f(): ...\n",
    "ValueError: randoms must be": f"{ALL}@augment(AugmentSettings, randoms=1000)\ndef f(): ...\n",
    "Own: it needs its name as a field": LOSS.replace('Literal["own"] = "own"', "str"),
    "Own: it needs its name as": LOSS.replace('Literal["own"]', 'Literal["own", "other"]'),
    "Own: kind 'Own!' is not of small letters": LOSS.replace('"own"', '"Own!"'),
    "own.py: loss: focal is one of raysat already": LOSS.replace('"own"', '"focal"'),
    "Own: it has no docstring": LOSS.replace('    """Does its own."""\n', ""),
    "Own: the setting amount has no default": LOSS.replace("default=2.0, ", ""),
    "Own: the setting amount has no description": LOSS.replace(', description="How much of it."', ""),
    "Own: the field plugin is raysat's own": LOSS.replace("amount: float", "plugin: str"),
    "own.py: it registers loss: own twice": f"{LOSS}@loss(Own)\ndef two(*given): ...\n",
    "Own: what its decorator is given is no function": f"{LOSS}loss(Own)(3)\n",
    "Own: a setting cannot be hashed": LISTED,
    "Own: the field plugin_method is raysat's own": LOSS.replace("amount: float", "plugin_method: float"),
    "Own: the default of amount, -1, is not valid: input should be greater than or equal to 0": (
        LOSS.replace("default=2.0", "default=-1")
    ),
    "Own: the default of amount, 2.0, is not valid: input should be less than or equal to 1": (
        LOSS.replace("ge=0, le=10", "ge=10, le=1")
    ),
    "Own: the default of amount, 'a', is not valid: input should be a valid number": LOSS.replace("2.0", "'a'"),
    "own.py:11: KeyError: 3": LOSS.replace("default=2.0", "default_factory=lambda: {}[3]"),
    "own.py:12: own must take (settings, logits_BK, labels_B, counts_K): missing a required argument: 'weights'": (
        LOSS.replace("counts_K):", "counts_K, weights):")
    ),
    "own.py:13: <lambda> must take (settings, logits_BK): too many positional": (
        LOSS.replace("@loss(Own)", "@loss(Own,\n    posterior=lambda logits_BK: logits_BK)")
    ),
    "own.py:12: own must take (settings, *, bands, classes, size): got an unexpected keyword argument 'classes'": (
        plugin_text("model").replace("settings, *, bands, classes, size", "settings, bands")
    ),
    "own.py:12: own must take (settings, step, steps, *, steps_per_epoch, lr): missing": (
        plugin_text("schedule").replace("step, steps, *", "step, steps, epoch, *")
    ),
}


@pytest.mark.parametrize("says", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(tmp_path: Path, says: str) -> None:
    before, text = set(sys.modules), WRONG[says]
    with pytest.raises(PluginError) as caught:
        raysat.load_plugin(written(tmp_path, text))
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert not [name for name in set(sys.modules) - before if name.startswith("raysat_plugin")] or "class Own" in text
    assert all("own" not in variants(section) for section in SOUND)


def test_only_a_file_of_this_machine_within_bounds_is_read(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    written(tmp_path, "#" * 300_000, "large.py")
    (tmp_path / "latin.py").write_bytes(b"# \xff\n")
    cases = {
        "no.py": "No such file", "folder.py": "a folder", "pipe.py": "a pipe", "large.py": "larger than 262,144 bytes",
        "latin.py": "byte 2 is not UTF-8", "text.txt": "called like my_loss.py", "a b.py": "called like my_loss.py",
    }  # fmt: skip
    for name, says in cases.items():
        with pytest.raises(PluginError, match=says):
            raysat.load_plugin(tmp_path / name)
    with pytest.raises(PluginError, match="a file of this machine"):
        raysat.load_plugin("s3://bucket/own.py")


def test_a_loss_that_fails_in_training_names_its_line(tmp_path: Path, landsat_store: PatchStore) -> None:
    use_plugin(read_source(written(tmp_path, plugin_text("loss", "    return logits_BK / labels\n"))))
    with pytest.raises(PluginError, match=r"own.py:14: NameError: name 'labels' is not defined"):
        raysat.train({**STUDY["base"], "loss": {"kind": "own"}}, raysat.open_store(landsat_store.path))
