"""A leaderboard with gaps, for the tests of its renderers."""

import pytest

from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Leaderboard


@pytest.fixture
def board(make_run, table2) -> Leaderboard:
    """Seven arms; (2) and (3) are short of a seed."""
    failed = {("(3)", 1): "the loss became NaN at epoch 3"}
    return collect(make_run(table2, reference="table2", failed=failed, missing=[("(2)", 2)]))
