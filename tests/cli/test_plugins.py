"""``--plugin`` and ``check-plugin``: only a file that is named runs; what is wrong is a line and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raysat.api.models import load_model
from raysat.config.plugins.settings import METHODS
from raysat.data.store import PatchStore
from raysat.errors import StorageError
from raysat.storage.ledger import Ledger
from raysat.storage.plugins import keep_plugins
from tests.helpers.command import Raysat
from tests.helpers.paths import ROOT
from tests.helpers.plugins import plugin_text, source_of_text, used, written
from tests.helpers.run import run_alone

POLY1 = ROOT / "examples" / "plugins" / "poly1.py"
STUDY = """\
study: own
base: {model: {name: test_resnet}, optim: {epochs: 1, batch_size: 16}}
arms:
  plain: {}
  own: {loss: {kind: own}}
"""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    METHODS.forget()


def test_a_study_names_the_method_and_the_command_line_the_file(
    tmp_path: Path, landsat_store: PatchStore, raysat: Raysat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loud = "from pathlib import Path\nPath('ran').touch()\n" + plugin_text("loss")
    own, space = written(tmp_path, loud), written(tmp_path, STUDY, "study.yaml")
    words = "plan", "--space", space, "--data", landsat_store.path
    refused = raysat(*words)
    assert (refused.code, (tmp_path / "ran").exists()) == (2, False)
    assert "study.yaml:5: loss.kind must be one of cross_entropy," in refused.err
    assert "one of your own needs its --plugin" in refused.err
    done = raysat(*words, "--plugin", own)
    assert (done.code, (tmp_path / "ran").exists()) == (0, True)
    assert "loss=own" in done.out
    METHODS.forget()
    assert "Does its own." in raysat("methods", "own", "--plugin", own).out
    assert "loss.amount" in raysat("explain", "own", "--space", space, "--plugin", own).out


def test_an_error_in_a_plugin_is_a_line_and_a_traceback_for_debug(tmp_path: Path, raysat: Raysat) -> None:
    own, space = written(tmp_path, "\n1 / 0\n"), written(tmp_path, STUDY, "study.yaml")
    words = "plan", "--space", space, "--plugin", own
    found = raysat(*words)
    assert found.code == 2
    assert found.err == (
        f"error: {own}:2: ZeroDivisionError: division by zero\nhint: correct the plugin; --debug shows the traceback\n"
    )
    assert "Traceback" in raysat("--debug", *words).err


def test_a_model_that_cannot_be_made_is_refused_before_ray_starts(
    tmp_path: Path, landsat_store: PatchStore, raysat: Raysat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the patches of the store, and bands of the arm; nothing is written."""
    monkeypatch.setattr("raysat.execution.run.session", None)
    own = written(tmp_path, plugin_text("model", "    return torch.nn.Conv2d(bands, size[classes], 3)\n"))
    space = written(
        tmp_path, STUDY.replace("loss: {kind: own}", "model: {kind: own}, data: {bands: [2]}"), "study.yaml"
    )
    done = raysat("ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs", "--plugin", own)
    assert done.code == 2
    assert f"error: {own}:14: IndexError: tuple index out of range\n" in done.err
    assert not (tmp_path / "runs" / "own" / "trials").exists()


@pytest.mark.slow
def test_check_plugin_passes_a_sound_one_and_refuses_a_broken_one(tmp_path: Path, raysat: Raysat) -> None:
    sound = raysat("check-plugin", POLY1)
    assert (sound.code, sound.err) == (0, "")
    assert "loss: poly1" in sound.out
    assert sound.out.count("ok") == 10
    body = "    return F.cross_entropy(logits_BK.detach(), labels_B, reduction='none')\n"
    broken = raysat("check-plugin", written(tmp_path, plugin_text("loss", body)))
    assert broken.code == 1
    assert "error: loss: own: gradients: it is not that of finite differences" in broken.err
    for name, says in (("no.py", "No such file"), ("study.txt", "called like my_loss.py")):
        unread = raysat("check-plugin", tmp_path / name)
        assert unread.code == 2
        assert says in unread.err


@pytest.mark.slow
def test_models_of_a_finished_run_need_the_same_plugin_and_its_copy_never_runs_by_itself(
    tmp_path: Path, landsat_store: PatchStore, raysat: Raysat
) -> None:
    with used(source_of_text(plugin_text("loss"))) as plugin:
        ledger = run_alone(tmp_path, STUDY, landsat_store)
        keep_plugins(ledger.root, [plugin.source])
    (copy,) = (ledger.root / "plugins").iterdir()
    assert copy.name == f"own.{plugin.source.digest}.py"
    assert copy.read_text(encoding="utf-8") == plugin_text("loss")
    words = "predict", ledger.root, landsat_store.path, "--arm", "own", "--out"
    done = raysat(*words, tmp_path / "one.csv", "--plugin", copy)
    assert done.code == 0, done.err
    exported = raysat("export", ledger.root, "--arm", "own", "--out", tmp_path / "model", "--plugin", copy)
    assert exported.code == 0, exported.err
    METHODS.forget()
    with pytest.raises(StorageError, match=f"own is a method of the plugin {plugin.source.digest}") as needed:
        load_model(tmp_path / "model")
    assert needed.value.hint == 'name its file by raysat.load_plugin("FILE.py")'
    copy.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n", encoding="utf-8")
    other = written(tmp_path, plugin_text("loss") + "# changed\n")
    for more in ((), ("--plugin", other)):
        found = raysat(*words, tmp_path / "two.csv", *more)
        assert found.code == 2
        line = f"error: loss: own is a method of own.py ({plugin.source.digest})"
        assert found.err.startswith(line)
        assert ("own.py as given has other content (" in found.err) == bool(more)
        assert "--plugin FILE with that content" in found.err
        METHODS.forget()
    raysat("evaluate", ledger.root, "--calibrate", "temperature")
    assert "own" in raysat("report", ledger.root, "--format", "json").out  # which reads predictions alone
    assert not (tmp_path / "ran").exists()
    copied = raysat("ledger", "copy", ledger.root, tmp_path / "copies")
    assert copied.code == 0, copied.err
    assert [file.name for file in (tmp_path / "copies" / "run" / "plugins").iterdir()] == [copy.name]


def test_a_run_without_plugins_keeps_none(tmp_path: Path) -> None:
    keep_plugins(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    assert Ledger(tmp_path).root == tmp_path
