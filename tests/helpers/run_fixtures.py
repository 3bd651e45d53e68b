"""A small finished run that tests of what comes after a study share."""

import pytest

from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.run import run_alone

TINY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 8, epochs: 2}
  data: {bands: [B6, B2]}
seeds: [0, 1]
arms:
  plain: {}
  swa, ldam: {loss: {kind: ldam}, average: {kind: swa, start: 0.5}, data: {bands: all}}
"""


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    """Two arms on ``landsat_store``, two seeds each: two bands in another order; all bands, with averaged weights."""
    return run_alone(tmp_path_factory.mktemp("tiny"), TINY, landsat_store)
