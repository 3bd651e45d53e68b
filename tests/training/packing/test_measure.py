"""What is said where one of the trainings side by side ends before it is measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.training.packing.messages import PackingRequest
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S
from tests.helpers.training import MakeStore, config

# A process of its own, that has never trained: what measures forks.
SCRIPT = """
import os, sys
from pathlib import Path
from raysat.training.packing import measure
from raysat.training.packing.messages import PackingRequest

train, first_dies = measure._train, sys.argv[2] == "the first"

def train_or_die(end, request, store, is_first):
    if is_first == first_dies:
        os._exit(9)
    train(end, request, store, is_first)

measure._train = train_or_die
try:
    measure.measure(PackingRequest.model_validate_json(sys.stdin.read()), Path(sys.argv[1]))
except RuntimeError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("dying", ["the first", "the second"])
def test_a_training_that_dies_ends_the_measurement(make_store: MakeStore, tmp_path: Path, dying: str) -> None:
    request = PackingRequest.of((config(),), make_store(), most=2)
    (folder := tmp_path / "measured").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), dying],
        input=request.model_dump_json(), env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.stdout == "a training ended: too little memory?\n", done.stderr
