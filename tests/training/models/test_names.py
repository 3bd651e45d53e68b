"""Model names are checked against a list of timm's that is kept, and against timm where that does not say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm

from raysat.errors import PlanError
from raysat.training.models import names as model_names


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Read the file of names anew."""
    model_names._listed.cache_clear()
    yield
    model_names._listed.cache_clear()


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_timm_lists_is_kept_for_its_version(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = model_names._listed()
    assert listed == {*timm.list_models(), *timm.list_pretrained()}
    assert "resnet18.a1_in1k" in listed
    (file,) = empty_cache.iterdir()
    assert timm.__version__ in file.name
    model_names._listed.cache_clear()
    monkeypatch.setattr(timm, "list_models", None)  # not asked again
    assert model_names._listed() == listed


def test_a_damaged_file_of_names_refuses_no_model(empty_cache: Path) -> None:
    model_names._listed()
    (file,) = empty_cache.iterdir()
    for content in (b"", b"\xff\xfe", file.read_bytes()[:100]):
        file.write_bytes(content)
        model_names._listed.cache_clear()
        model_names.check_name("resnet18.a1_in1k")
        with pytest.raises(PlanError):
            model_names.check_name("resnet19")


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "file"))
    model_names.check_name("resnet18")


@pytest.mark.parametrize("name", ["resnet18", "resnet18.a1_in1k", "tf_efficientnet_b0_ns", "cspresnet50w.untrained"])
def test_a_known_name_passes(name: str) -> None:
    model_names.check_name(name)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("resnet19", "knows no model 'resnet19'", "'resnet18'"),
        ("ResNet18", "knows no model", "'resnet18'"),
        ("timm/resnet18", "knows no model", "'resnet18'"),
        ("qqqqzzzz", "knows no model", "timm.list_models"),
        ("resnet18.bogus", "no pretrained tag 'bogus' of 'resnet18'", "resnet18.a1_in1k"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(name: str, message: str, hint: str) -> None:
    with pytest.raises(PlanError, match=message) as found:
        model_names.check_name(name)
    assert hint in (found.value.hint or "")


def test_a_known_name_needs_neither_timm_nor_torch() -> None:
    model_names._listed()  # kept from here on
    code = (
        "import sys; from raysat.training.models.names import check_name; check_name('resnet18.a1_in1k');"
        "sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
