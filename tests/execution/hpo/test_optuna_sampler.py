"""Drawing: from the distributions that were asked for, the same again after an interruption, and learning."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from raysat.execution.hpo.optuna_sampler import Drawer
from raysat.search.load import Search
from raysat.search.log import Candidate
from raysat.search.space import Drawn
from tests.helpers.search import candidate, finished, load

SPACE = """
base: {optim: {lr: 0.001, batch_size: 32}, loss: {kind: ldam}}
search:
  optim.lr: {log_uniform: [1.0e-5, 1.0e-1]}
  optim.weight_decay: {uniform: [0, 2]}
  optim.batch_size: {int: [2, 33]}
  loss: {choice: [{kind: ldam}, {kind: cross_entropy}, {kind: focal}]}
  loss.max_margin: {uniform: [0.1, 1]}
sampler: {kind: KIND, seed: SEED}
"""


def search_with(folder: Path, kind: str, seed: int = 0) -> Search:
    return load(folder, SPACE.replace("KIND", kind).replace("SEED", str(seed)))


def test_random_draws_follow_their_distributions(tmp_path: Path) -> None:
    drawer = Drawer(search_with(tmp_path, "random"))
    draws = [drawer.draw(number) for number in range(1, 401)]
    rates = np.log([each["optim.lr"] for each in draws])
    low, high = np.log([1e-5, 1e-1])
    assert stats.kstest(rates, stats.uniform(low, high - low).cdf).pvalue > 0.01
    assert stats.kstest([each["optim.weight_decay"] for each in draws], stats.uniform(0, 2).cdf).pvalue > 0.01
    sizes = [each["optim.batch_size"] for each in draws]
    assert all(isinstance(size, int) for size in sizes)
    assert (min(sizes), max(sizes)) == (2, 33)
    assert stats.chisquare(np.bincount([int(each["loss"]) for each in draws])).pvalue > 0.01
    assert all(("loss.max_margin" in each) == (each["loss"] == 0) for each in draws)


def test_a_random_candidate_depends_on_seed_and_number_alone(tmp_path: Path) -> None:
    search = search_with(tmp_path, "random")
    in_order, alone = Drawer(search), Drawer(search)
    for number in range(1, 6):
        drawn = in_order.draw(number)
        in_order.learn(finished(search, number, drawn, number / 10, 0.0))
    assert alone.draw(5) == drawn
    assert Drawer(search_with(tmp_path, "random", seed=1)).draw(5) != drawn
    assert alone.draw(6) != drawn


def test_another_attempt_draws_another_candidate(tmp_path: Path) -> None:
    drawer = Drawer(search_with(tmp_path, "tpe"))
    draws = [tuple(drawer.draw(1, attempt).items()) for attempt in range(5)]
    assert len(set(draws)) == 5


def result(search: Search, number: int, drawn: dict[str, Drawn] | None) -> Candidate:
    """A made-up end of a candidate: every fifth fails, every third is stopped early."""
    score = 0.9 - abs(np.log10((drawn or {"optim.lr": 1e-3})["optim.lr"]) + 3) / 10
    if number % 5 == 4:
        return candidate(search, number, drawn, state="failed")
    if number % 3 == 2:
        return candidate(search, number, drawn, state="stopped", curve=(score / 3, score / 2))
    return finished(search, number, drawn, score, 0.0)


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path: Path, kind: str) -> None:
    """Whatever was tried before an interruption, the next draws are those of a search without one."""
    search = search_with(tmp_path, kind)
    drawer = Drawer(search)
    base = candidate(search, 0, search.drawn_for_base())
    drawer.take(base)
    ends = [result(search, 0, base.drawn)]
    drawer.learn(ends[0])
    for number in range(1, 24):
        ends.append(result(search, number, drawer.draw(number)))
        drawer.learn(ends[-1])
    for cut in (1, 7, 13, 20):
        again = Drawer(search)
        for end in ends[:cut]:
            again.learn(end)
        interrupted = candidate(search, cut, ends[cut].drawn)
        again.take(interrupted)
        again.learn(ends[cut])
        for number in range(cut + 1, 24):
            drawn = again.draw(number)
            assert drawn == ends[number].drawn, (cut, number)
            again.learn(ends[number])


def test_a_base_outside_the_space_teaches_nothing(tmp_path: Path) -> None:
    search = load(tmp_path, "base: {optim.lr: 0.5}\nsearch: {optim.lr: {log_uniform: [1.0e-5, 1.0e-1]}}\n")
    assert search.drawn_for_base() is None
    drawer, plain = Drawer(search), Drawer(search)
    drawer.take(candidate(search, 0, None))
    drawer.learn(finished(search, 0, None, 0.9, 0.0))
    assert drawer.draw(1) == plain.draw(1)


def test_tpe_comes_nearer_to_the_best_than_random_draws(tmp_path: Path) -> None:
    """Mean distance of draws 21 to 40 from the best learning rate, in decades, over three seeds."""
    distance = {"tpe": 0.0, "random": 0.0}
    for kind in distance:
        for seed in range(3):
            search = search_with(tmp_path, kind, seed)
            drawer = Drawer(search)
            off = []
            for number in range(1, 41):
                drawn = drawer.draw(number)
                off.append(abs(np.log10(drawn["optim.lr"]) + 3))
                drawer.learn(finished(search, number, drawn, 0.9 - off[-1] / 5, 0.0))
            distance[kind] += float(np.mean(off[20:])) / 3
    assert distance["tpe"] < 0.6 * distance["random"]


def test_stopped_and_failed_candidates_count_as_bad(tmp_path: Path) -> None:
    """Rates above 0.01 never finish: TPE learns to keep out, though it never sees a score there."""
    for bad in ("failed", "stopped"):
        search = search_with(tmp_path, "tpe")
        drawer = Drawer(search)
        above = []
        for number in range(1, 61):
            drawn = drawer.draw(number)
            above.append(drawn["optim.lr"] > 1e-2)
            lost = candidate(search, number, drawn, state=bad, curve=(0.1,) if bad == "stopped" else ())
            drawer.learn(lost if above[-1] else finished(search, number, drawn, 0.5, 0.0))
        assert np.mean(above[30:]) < 0.6 * 0.25  # a random draw is above in a quarter of all cases


CHOICES = """
search:
  loss: {choice: [{kind: ldam}, {kind: cross_entropy}, {kind: focal}]}
  sampler: {choice: [{kind: uniform}, {kind: square_root}, {kind: inverse_frequency}]}
  optim.batch_size: {int: [2, 5]}
sampler: {kind: KIND, startup: 4}
"""


def draw_all(search: Search, most: int) -> list[dict[str, Drawn]]:
    """Draw new candidates until there is none, telling of each how good it is: the first of each choice is best."""
    drawer, tried = Drawer(search), []
    while len(tried) <= most:
        drawn = drawer.draw_new(len(tried) + 1, lambda drawn: drawn not in tried)
        if drawn is None:
            break
        tried.append(drawn)
        drawer.learn(finished(search, len(tried), drawn, 0.9 - 0.01 * sum(map(float, drawn.values())), 0.0))
    return tried


def test_a_finite_space_is_exhausted_where_all_of_it_was_tried(tmp_path: Path) -> None:
    """TPE proposes the best it knows again and again; yet all 3 x 3 x 4 are tried, each once, and then no more."""
    search = load(tmp_path, CHOICES.replace("KIND", "tpe"))
    tried = draw_all(search, 99)
    expected = {(loss, sampler, size) for loss in range(3) for sampler in range(3) for size in range(2, 6)}
    assert len(tried) == 36
    assert {(each["loss"], each["sampler"], each["optim.batch_size"]) for each in tried} == expected
    assert all(isinstance(value, int) for each in tried for value in each.values())
    assert draw_all(search, 99) == tried


def test_conditional_axes_of_a_finite_space_are_tried_where_they_apply(tmp_path: Path) -> None:
    text = """
    search:
      loss: {choice: [{kind: ldam}, {kind: cross_entropy}]}
      loss.max_margin: {choice: [0.1, 0.2, 0.3]}
    sampler: {kind: random}
    """
    tried = draw_all(load(tmp_path, text), 99)
    assert sorted(map(str, tried)) == sorted(
        map(str, [*({"loss": 0, "loss.max_margin": n} for n in range(3)), {"loss": 1}])
    )


def test_a_continuous_space_is_never_exhausted(tmp_path: Path) -> None:
    """Almost everything counts as tried: it goes on at random until it finds what does not."""
    search = search_with(tmp_path, "tpe")
    drawn = Drawer(search).draw_new(1, lambda drawn: drawn["optim.lr"] > 0.095)  # 1 draw of 180
    assert drawn is not None
    assert drawn["optim.lr"] > 0.095


def test_the_sampler_learns_of_what_was_gone_through(tmp_path: Path) -> None:
    """The trials of the study are those that were handed out; other attempts count for nothing."""
    search = load(tmp_path, CHOICES.replace("KIND", "tpe"))
    drawer = Drawer(search)
    last: dict[str, Drawn] = {"loss": 2, "sampler": 2, "optim.batch_size": 5}
    seen: list[dict[str, Drawn]] = []

    def is_new(drawn: dict[str, Drawn]) -> bool:
        seen.append(dict(drawn))
        return drawn == last and len(seen) > 30  # not by the sampler: by going through the space

    assert drawer.draw_new(1, is_new) == last
    drawer.learn(finished(search, 1, last, 0.75, 0.0))
    complete = [trial for trial in drawer._study.trials if trial.state.name == "COMPLETE"]
    assert [(trial.params, trial.value) for trial in complete] == [(last, 0.75)]
