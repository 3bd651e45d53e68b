"""A leaderboard with gaps and the analysis of a small grid, for the tests of their renderers."""

import pytest

from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Leaderboard
from tests.helpers.report import GRID, GRID_CONFIGS, TABLE2


@pytest.fixture(scope="module")
def board(make_shared_run) -> Leaderboard:
    """Seven arms; (2) and (3) are short of a seed."""
    failed = {("(3)", 1): "the loss became NaN at epoch 3"}
    return collect(make_shared_run(TABLE2, reference="table2", failed=failed, missing=[("(2)", 2)]))


@pytest.fixture(scope="module")
def found(make_shared_run) -> Analysis:
    """Four arms, two by two, and three seeds, with one combination asked for."""
    ledger = make_shared_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True, folder="grid")
    return analyze([ledger.root], combinations=["loss=ldam,average=swa"])
