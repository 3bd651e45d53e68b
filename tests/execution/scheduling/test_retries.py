"""Which jobs are tried again: a lost node counts only where nothing was saved in between."""

from hypothesis import given
from hypothesis import strategies as st

from raysat.execution.messages import StateSaved, TrialDone
from raysat.execution.scheduling.deaths import Death
from raysat.execution.scheduling.retries import MOST_LOSSES, Retries

LOST, DIED = Death(account="node", lost_node="10.0.0.1"), Death(account="worker")


def test_a_worker_that_dies_by_itself_is_tried_as_often_as_was_asked_for() -> None:
    for allowed in range(4):
        retries = Retries(allowed)
        assert [retries.again("job", DIED) for _ in range(allowed + 1)] == [True] * allowed + [False]


def test_lost_nodes_do_not_count_towards_retries() -> None:
    retries = Retries(1)
    for epoch in range(1, 50):
        assert retries.again("job", LOST)
        retries.note(StateSaved(job="job", epoch=epoch))
    assert retries.again("job", DIED)
    assert not retries.again("job", DIED)
    assert len(retries.deaths("job")) == 51


def test_a_job_that_gets_nowhere_between_losses_ends() -> None:
    retries = Retries(9)
    retries.note(StateSaved(job="job", epoch=3))
    for _ in range(MOST_LOSSES - 1):
        assert retries.again("job", LOST)
        retries.note(StateSaved(job="job", epoch=3))
        retries.note(StateSaved(job="other", epoch=9))
    assert not retries.again("job", LOST)


def test_a_trial_that_ends_on_a_job_is_progress() -> None:
    retries = Retries()
    for _ in range(3):
        for _ in range(MOST_LOSSES - 1):
            assert retries.again("job", LOST)
        retries.note(TrialDone(job="job", trial="short"))


@given(st.lists(st.sampled_from(["lost", "died", "epoch"]), max_size=60), st.integers(0, 5))
def test_any_history_ends_by_the_first_rule_that_is_broken(history: list[str], allowed: int) -> None:
    retries, epoch, died, losses = Retries(allowed), 0, 0, 0
    for what in history:
        if what == "epoch":
            epoch, losses = epoch + 1, 0
            retries.note(StateSaved(job="job", epoch=epoch))
            continue
        died, losses = died + (what == "died"), losses + (what == "lost")
        again = retries.again("job", LOST if what == "lost" else DIED)
        assert again == (losses < MOST_LOSSES if what == "lost" else died <= allowed)
        if not again:
            return
