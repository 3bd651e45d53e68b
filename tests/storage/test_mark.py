"""The mark of a run's driver: seen while it lives, swept after that, no leftover of a run that goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from raysat.files import sweep_partial
from raysat.storage.ledger import Ledger
from raysat.storage.mark import can_write_beside, is_mark, marked
from raysat.storage.verify import verify
from tests.helpers.ledger import made_up_plan

KILLED = """
import os, sys
from pathlib import Path
from raysat.storage.mark import marked
with marked(Path(sys.argv[1])):
    os._exit(9)
"""


def test_it_is_seen_while_it_is_held_and_no_two_are_alike(tmp_path: Path) -> None:
    with marked(tmp_path) as first, marked(tmp_path) as second:
        assert can_write_beside(first)
        assert can_write_beside(second)
        assert first != second
        sweep_partial(tmp_path)
        assert can_write_beside(first), "it is held"
        assert is_mark(first.name)
    assert list(tmp_path.iterdir()) == []
    assert not can_write_beside(first)


def test_one_that_a_killed_driver_left_is_swept(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == 9
    assert [is_mark(path.name) for path in tmp_path.iterdir()] == [True]
    sweep_partial(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["driver", ".driver-0123abcd", ".plan.json-0123abcd.partial", ".driver-x.partial"])
def test_other_files_are_no_marks(name: str) -> None:
    assert not is_mark(name)


def test_a_look_over_a_run_that_goes_on_finds_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write_plan("", made_up_plan())
    with marked(tmp_path):
        assert not verify(ledger).findings
