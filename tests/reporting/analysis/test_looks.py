"""What looks decide: the test of one against its formula, decisions and intervals over several, and files of them."""

import json

import numpy as np
import pytest
from scipy import stats

from raysat.errors import StorageError
from raysat.metrics.spending import Schedule
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.looks import looked_at, student, take_look
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap
from raysat.reporting.analysis.significance import holm
from raysat.reporting.format.headline import summary_sentences
from raysat.storage.looks_file import FILE, Look, Looks, Seen, read_looks, write_looks
from raysat.storage.plan_file import ContrastEntry

ARMS = {"plain": (0.9, 0.2, 0.2, 0.2), "A": (0.9, 0.8, 0.8, 0.8), "B": (0.9, 0.25, 0.2, 0.2)}
CONTRASTS = tuple(ContrastEntry(arm=arm, to="plain", metric="balanced_accuracy") for arm in ("A", "B"))


def seen(value, error, n):
    return Seen(value=value, error=error, degrees=n - 1, p=2 * stats.t.sf(abs(value) / error, n - 1), pairs=n)


def test_without_patches_a_look_is_the_paired_t_test():
    values = np.random.default_rng(0).normal(0.02, 0.03, 7)
    found = student(values, np.repeat(values[None], 50, axis=0))
    expected = stats.ttest_1samp(values, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.degrees, found.pairs) == (6, 7)


def test_the_patches_own_part_widens_the_error_and_adds_degrees_of_freedom():
    rng = np.random.default_rng(0)
    values, n = rng.normal(0.02, 0.03, 6), 6
    resampled = values + rng.normal(0, 0.05, (20_000, 1)) + rng.normal(0, 0.02, (20_000, 6))
    found = student(values, resampled)
    of_seeds = values.var(ddof=1) / n
    assert found.error**2 == pytest.approx(of_seeds + 0.05**2, rel=0.05)  # what is apart by seed is in their spread
    assert found.degrees == pytest.approx(found.error**4 / (of_seeds**2 / (n - 1)))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.value) / found.error, found.degrees))


def test_seeds_that_agree_in_all_decide_nothing():
    assert student(np.full(4, 0.1), np.full((10, 4), 0.1)).p == 1


def test_decisions_are_holm_over_p_values_that_hold_over_all_looks():
    sizes = (4, 8, 12)
    looks = Looks(
        contrasts=CONTRASTS,
        sizes=sizes,
        looks=[
            Look(seeds=4, trials="a", seen=[seen(0.1, 0.02, 4), seen(0.01, 0.02, 4)]),
            Look(seeds=8, trials="a", seen=[seen(0.1, 0.01, 8), seen(0.01, 0.02, 8)]),
        ],
    )
    found, schedule = looked_at(looks), Schedule(sizes)
    p = [[look.seen[k].p for look in looks.looks] for k in (0, 1)]
    over = [schedule.sequential_p(of) for of in p]
    assert [each.p for each in found.decisions] == over
    assert [each.p_holm for each in found.decisions] == holm(over)
    assert [each.decided_at for each in found.decisions] == [8, None]
    assert not found.ended
    reach = stats.t.isf(schedule.levels()[1] / 2, 7) * 0.01
    assert (found.decisions[0].low, found.decisions[0].high) == pytest.approx((0.1 - reach, 0.1 + reach))


def test_a_look_at_a_run_uses_its_first_seeds_alone_and_its_report_says_so(make_run):
    ledger = make_run(ARMS, seeds=range(6))
    ledger.write_plan("study: x\n", ledger.read_plan().model_copy(update={"compare": CONTRASTS}))
    looks = Looks(contrasts=CONTRASTS, sizes=(3, 6))
    first = take_look(ledger, looks)
    bootstrap = PairedBootstrap(analyze([ledger.root]).predictions)
    values, _ = bootstrap.blocks(Contrast.mean(["A"]) - Contrast.mean(["plain"]), range(3))
    assert first.seen[0].value == pytest.approx(values[0].mean())
    assert (first.seeds, first.seen[0].pairs) == (3, 3)
    looks = looks.model_copy(update={"looks": (first,)})
    looks = looks.model_copy(update={"looks": (first, take_look(ledger, looks))})
    write_looks(ledger.root, looks)
    assert read_looks(ledger.root) == looks
    found = analyze([ledger.root])
    assert found.planned is not None
    assert found.planned.looked == looked_at(looks)
    assert "2 looks, at 3 and 6 seeds; 1 of 2 contrasts decided" in summary_sentences(found)[0]
    other = looks.model_copy(update={"contrasts": CONTRASTS[::-1]})
    write_looks(ledger.root, other)  # of another plan: nothing is said of them
    assert analyze([ledger.root]).planned.looked is None


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"sizes": [3, 4]},
        {"sizes": [6, 3]},
        {"sizes": []},
        {"contrasts": []},
        {"looks": [{"seeds": 6, "trials": "a", "seen": [{}]}]},
        {
            "looks": [
                {"seeds": 3, "trials": "a", "seen": [{"value": 0, "error": 0, "degrees": None, "p": 2, "pairs": 3}]}
            ]
        },
        {"looks": [{"seeds": 3, "trials": "../a", "seen": []}]},
    ],
)
def test_a_damaged_file_is_an_error(tmp_path, change):
    value = json.loads(Looks(contrasts=CONTRASTS, sizes=(3, 6)).model_dump_json())
    (tmp_path / FILE).write_text(json.dumps(value | change))
    with pytest.raises(StorageError, match=r"looks\.json"):
        read_looks(tmp_path)
    (tmp_path / FILE).unlink()
    assert read_looks(tmp_path) is None
