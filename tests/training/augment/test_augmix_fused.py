"""AugMix's kernel beside ``augmix.py``, by Triton's interpreter, and compiled for GPUs that are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from raysat.config.families.images import AugMix
from raysat.training.augment import augmix, augmix_fused
from tests.helpers.paths import ROOT

NO_TRITON = "torch for CPUs comes without Triton"
LEVELS = ("autocontrast", "equalize", "posterize", "solarize")


@pytest.fixture(scope="module", name="found")
def _found() -> dict[str, Any]:
    pytest.importorskip("triton", reason=NO_TRITON)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.helpers.interpreted_augmix"],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", augmix.OPERATIONS)
def test_every_operation_is_the_same(found: dict[str, Any], name: str) -> None:
    """Levels to the bit, warps to rounding."""
    assert found["operations"][name] <= (0.0 if name in LEVELS else 1e-5)


@pytest.mark.slow
def test_chains_are_mixed_as_in_batches(found: dict[str, Any]) -> None:
    """But for pixels that a warp left on the edge of a level."""
    assert max(found["chains"].values()) < 1e-3
    assert found["views"] == 0.0


@pytest.mark.slow
def test_a_kernel_that_fails_or_is_wrong_is_not_used(found: dict[str, Any]) -> None:
    assert found["causes"] == {
        "works": None,
        "missing": "RuntimeError: no C compiler",
        "zeros": "it is off by 255 levels of 255",
        "not a number": "it is off by nan levels of 255",
    }


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
def test_it_is_compiled_for_a_gpu(capability: int) -> None:
    """As it is called, with products rounded before they are added, divisions to the nearest, and both barriers."""
    triton = pytest.importorskip("triton", reason=NO_TRITON)
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from raysat.training.augment.augmix_kernels import mixed_views

    kinds = {"kinds": "*i32", "BLOCK": "constexpr"}
    kinds |= dict.fromkeys(("unit", "weights", "parameters", "scratch", "mixed"), "*fp32")
    kinds |= dict.fromkeys(("views", "chains", "depth", "height", "width"), "i32")
    source = ASTSource(
        mixed_views,
        signature={name: kinds[name] for name in mixed_views.arg_names},
        constexprs={"BLOCK": 1024},
        attrs={(number,): [["tt.divisibility", 16]] for number in range(6)},  # tensors begin at such places
    )
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"enable_fp_fusion": False})
    text = made.asm["ptx"]
    assert f".target sm_{capability}" in text
    assert "fma.rn" not in text
    assert "div.full" not in text
    assert ".local" not in text
    assert made.asm["ttgir"].count("barrier") == 2


def test_a_table_has_what_rows_have() -> None:
    drawn = augmix.draw(AugMix(), 5, np.random.default_rng(0))
    by_kind, table = (write(drawn, height=20, width=30) for write in (augmix.chains, augmix.chain_table))
    assert torch.equal(table.weights_bVW, by_kind.weights_bVW)
    kinds, parameters = table.kind_bVWD.flatten(0, 2), table.parameters_bVWDP.flatten(0, 2)
    found = torch.full_like(kinds, -1)
    for depth, step in enumerate(by_kind.steps):
        for kind, (index, values) in enumerate(step):
            found[index - 1, depth] = kind
            assert torch.equal(parameters[index - 1, depth, : values.shape[1]], values)
    assert torch.equal(found, kinds)


def test_it_is_for_gpus_alone() -> None:
    assert not augmix_fused.works_on(torch.device("cpu"))


@pytest.mark.parametrize(("height", "width", "is_used"), [(65, 65, True), (128, 128, True), (128, 129, False)])
def test_large_patches_are_augmented_operation_by_operation(
    height: int, width: int, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augmix_fused, "works_on", lambda device: True)
    assert augmix_fused.is_worth_it(torch.device("cuda"), height, width) is is_used
