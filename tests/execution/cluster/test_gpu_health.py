"""How cards are, as NVIDIA's own binding reads it from a driver; and which errors of CUDA are a card's."""

import pytest

from raysat.execution.cluster.gpu_health import (
    Driver,
    NoDriver,
    hardware_fault,
    read_cards,
    read_driver,
    visible_cards,
)
from tests.helpers.nvml import Gpu, driver


def test_what_is_wrong_with_each_card() -> None:
    gpus = (
        Gpu(),
        Gpu(name="NVIDIA GeForce RTX 4090", ecc=False),
        Gpu(uncorrected=3),
        Gpu(remapped=(1, 1, 1, 0)),
        Gpu(remapped=(9, 9, 0, 1)),
        Gpu(lost=True),
    )
    with driver(*gpus):
        cards = read_cards(None)
    assert [card.fault for card in cards] == [
        None,
        None,
        "has 3 uncorrected memory errors (ECC)",
        None,
        "has broken memory, and no spare rows to replace it",
        "does not answer (GPU is lost)",
    ]
    assert [card.warning is None for card in cards] == [True, True, True, False, True, True]
    assert [str(card) for card in cards[:2]] == ["GPU 0 (NVIDIA H100)", "GPU 1 (NVIDIA GeForce RTX 4090)"]
    assert cards[0].memory == 80 << 30
    assert "nvidia-smi --gpu-reset -i 2" in cards[2].remedy


def test_only_the_cards_of_a_process_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with driver(Gpu(), Gpu(uncorrected=1)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
        assert [card.fault for card in read_cards(visible_cards())] == [None]
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1, 0")
        assert [card.index for card in read_cards(visible_cards()) if card.fault] == ["1"]
        for nothing in ("", "-1"):
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", nothing)
            assert read_cards(visible_cards()) == []
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        assert len(read_cards(visible_cards())) == 2


def test_the_driver_and_its_cuda() -> None:
    with driver(Gpu(), version="550.54.15", cuda=12040):
        assert read_driver() == Driver(version="550.54.15", cuda=(12, 4))


def test_a_machine_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(_: str) -> None:
        raise OSError("libnvidia-ml.so.1: cannot open shared object file")

    monkeypatch.setattr("ray._private.thirdparty.pynvml.pynvml.nvmlLib", None)
    monkeypatch.setattr("ray._private.thirdparty.pynvml.pynvml.CDLL", no_library)
    assert read_driver() == NoDriver(cause="NVML Shared Library Not Found", is_absent=True)
    assert read_cards(None) == []


@pytest.mark.parametrize(
    ("words", "is_hardware"),
    [
        ("CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might be reported later", True),
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", True),
        ("CUDA error: hardware stack error", True),
        ("No CUDA GPUs are available", False),
        ("CUDA error: an illegal memory access was encountered", False),
        ("CUDA error: device-side assert triggered", False),
        ("CUDA out of memory. Tried to allocate 2.00 GiB", False),
        ("the mean of 'uncorrected' is 3", False),
    ],
)
def test_which_errors_are_a_cards(words: str, is_hardware: bool) -> None:
    fault = hardware_fault(RuntimeError(words))
    assert fault == (words.splitlines()[0] if is_hardware else None)
