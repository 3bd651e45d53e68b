"""A search on the board: its candidates in order, the best so far, and what each differs in."""

from pathlib import Path

from raysat.board.follow import Follower
from raysat.search.log import save_log
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.search import candidate, finished, load, log_of

SEARCH = """
study: hpo
base: {model: {name: test_resnet}, optim: {kind: adam, lr: 1.0e-3, epochs: 2}}
search:
  optim.lr: {log_uniform: [1.0e-5, 1.0e-1]}
"""


def test_a_search_is_followed_as_it_grows(tmp_path: Path) -> None:
    search, run = load(tmp_path, SEARCH), tmp_path / "run"
    run.mkdir()
    tried = [
        finished(search, 0, None, 0.6, 0.2),
        finished(search, 1, {"optim.lr": 0.01}, 0.55, 0.3),
        candidate(search, 2, {"optim.lr": 0.1}, state="failed"),
    ]
    save_log(run, log_of(search, tried))
    Ledger(run).write_failure(Failure(id=tried[2].job, error="the loss became NaN", time=1.75e9))
    follower = Follower(run)
    follower.look()
    before = follower.snapshot()
    assert (before.kind, before.head.study, before.arms) == ("search", "hpo", ())
    assert (before.head.done, before.head.failed, before.head.total) == (2, 1, 3)
    found = follower.search()
    assert found is not None
    assert [(each.state, each.val, each.best) for each in found.candidates] == [
        ("finished", 0.6, 0.6),
        ("finished", 0.55, 0.6),
        ("failed", None, 0.6),
    ]
    assert [each.error for each in found.candidates] == [None, None, "the loss became NaN"]
    assert [each.settings for each in found.candidates] == ["the base", "optim.lr=0.01", "optim.lr=0.1"]
    save_log(run, log_of(search, [*tried, finished(search, 3, {"optim.lr": 0.002}, 0.7, 0.1)]))
    follower.look()
    after = follower.search()
    assert after is not None
    assert after.version > found.version
    assert (after.candidates[-1].best, after.candidates[-1].test) == (0.7, 0.30000000000000004)
    assert follower.snapshot().search == after.version
