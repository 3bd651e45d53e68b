"""NVIDIA's driver and cards: what each says, and whether torch fits to it."""

import shutil
import sysconfig
from pathlib import Path

import pytest

from raysat.execution.cluster.gpu_health import Driver, NoDriver, read_cards
from raysat.execution.doctor.gpus import (
    card_check,
    driver_check,
    gpus,
    missing_for_triton,
    mps_check,
    triton_check,
)
from tests.helpers.nvml import Gpu, driver

NEW = Driver(version="580.65.06", cuda=(13, 0))


@pytest.mark.parametrize(
    ("there", "built", "has_cards", "usable", "level", "words"),
    [
        (NEW, "13.0", True, True, "ok", "driver 580.65.06 for CUDA 13.0; torch is built for 13.0"),
        (NEW, "13.2", True, True, "ok", "built for 13.2"),  # any within a major version
        (NEW, "12.8", True, True, "ok", "built for 12.8"),
        (Driver(version="550.54.15", cuda=(12, 4)), "13.0", True, False, "fault", "torch is built for 13.0"),
        (NEW, None, True, False, "fault", "built for CPUs alone"),
        (NEW, "13.0", True, False, "fault", "sees no card"),
        (NEW, "13.0", False, False, "ok", "no card for this process"),
        (NoDriver(cause="Driver Not Loaded", is_absent=True), "13.0", False, False, "ok", "no NVIDIA driver"),
        (NoDriver(cause="Driver Not Loaded", is_absent=True), "13.0", True, False, "fault", "Driver Not Loaded"),
        (NoDriver(cause="RM mismatch", is_absent=False), "13.0", False, False, "fault", "does not answer"),
    ],
)
def test_whether_torch_fits_to_the_driver(
    there: Driver | NoDriver, built: str | None, has_cards: bool, usable: bool, level: str, words: str
) -> None:
    check = driver_check(there, built, has_cards=has_cards, usable=usable)
    assert (check.level, words in check.found) == (level, True)
    assert bool(check.remedy) == (level != "ok")


def test_each_card_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with driver(Gpu(), Gpu(uncorrected=2), Gpu(remapped=(0, 1, 1, 0)), Gpu(lost=True)):
        found = [card_check(card) for card in read_cards(None)]
        names = [check.name for check in gpus()]
    assert [check.level for check in found] == ["ok", "fault", "warning", "fault"]
    assert found[0].found == "NVIDIA H100, 85.9 GB"
    assert found[1].found == "NVIDIA H100, 85.9 GB: has 2 uncorrected memory errors (ECC)"
    assert found[3].found == "a card: does not answer (GPU is lost)"
    assert names == ["CUDA", "GPU 0", "GPU 1", "GPU 2", "GPU 3", "MPS", "Triton"]


def test_mps() -> None:
    assert [mps_check(state).level for state in ("on", "off", "absent")] == ["ok", "warning", "ok"]
    assert "nvidia-cuda-mps-control -d" in (mps_check("off").remedy or "")


def test_what_triton_compiles_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="torch for CPUs comes without Triton")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CC", raising=False)
    assert missing_for_triton() == "a C compiler"
    monkeypatch.setenv("CC", "cc")
    assert missing_for_triton() == "Python's headers"
    (tmp_path / "Python.h").touch()
    assert missing_for_triton() is None


def test_what_triton_lacks_is_a_warning() -> None:
    assert triton_check(None).level == "ok"
    check = triton_check("a C compiler")
    assert (check.level, "without a C compiler" in check.found, "gcc" in (check.remedy or "")) == (
        "warning",
        True,
        True,
    )
