"""Two runs of the same arms: what changed, paired where the test set is the same."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score

from raysat.errors import UsageError
from raysat.metrics.catalog import BALANCED_ACCURACY, FROM_CONFUSION
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.compare import compare
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.format.run_comparison import comparison_page
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.terminal import Blocks
from tests.helpers.ledger import reseal

GOOD, BAD = (0.9, 0.8, 0.8, 0.8), (0.8, 0.3, 0.3, 0.3)


def shown(found, width: int = 120, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=file, width=width, _environ={}).print(Blocks(comparison_page(found).sections[0].blocks))
    return raw.getvalue().decode(encoding)


def test_the_same_test_set_is_paired_by_seed(make_run):
    one = make_run({"x": BAD, "y": GOOD}, seeds=(0, 1, 2), folder="a")
    two = make_run({"x": GOOD, "y": GOOD}, seeds=(1, 2, 3), folder="b")
    found = compare(one.root, two.root)
    assert found.paired
    changes = {change.arm: change for change in found.changes}
    cells = [read_predictions(collect(ledger)) for ledger in (one, two)]
    means = [
        sum(balanced_accuracy_score(c.labels, c.predicted[c.rows["x"][seed]]) for seed in (1, 2)) / 2 for c in cells
    ]
    assert changes["x"].estimates[BALANCED_ACCURACY].value == pytest.approx(means[1] - means[0])
    assert changes["x"].estimates[BALANCED_ACCURACY].p == 0.5  # the smallest of two pairs
    assert changes["x"].n == "2"
    assert changes["y"].identical  # made-up trials of equal ids and seeds are equal
    assert not changes["x"].identical
    assert ("seeds", "0, 1, 2", "1, 2, 3") in found.differs


def test_other_data_are_independent_and_have_no_test(make_run):
    one = make_run({"x": BAD}, folder="a", seeds=range(4))
    two = make_run({"x": GOOD}, folder="b", seeds=range(5), fingerprint="e" * 32, sizes=(60, 16, 14, 10))
    found = compare(one.root, two.root)
    (change,) = found.changes
    assert not found.paired
    assert (change.n, change.identical) == ("4 and 5", False)
    each = change.estimates[BALANCED_ACCURACY]
    assert each.p is None
    assert 0 < each.low < each.value < each.high
    text = shown(found)
    assert f"A: {one.root}" in text
    assert f"B: {two.root}" in text
    assert "not measured on the same patches" in text
    assert "fingerprint" in text
    assert "4 and 5" in text


def test_other_classes_compare_in_what_both_have(make_run):
    one = make_run({"x": BAD}, folder="a")
    two = make_run({"x": GOOD}, folder="b", classes=("r", "s"), fingerprint="e" * 32)
    assert set(compare(one.root, two.root).changes[0].estimates) == set(FROM_CONFUSION)


def test_code_and_machine_that_changed_are_named_though_the_test_set_is_the_same(make_run):
    ledgers = [make_run({"x": GOOD}, folder=folder) for folder in "ab"]
    for trial in sorted((ledgers[1].root / "trials").iterdir()):
        text = (trial / "record.json").read_text(encoding="utf-8")
        text = (
            text.replace('"2.9.0"', '"9.9.9"')
            .replace('"device":"cpu"', '"device":"H100"')
            .replace('"threads":null', '"threads":8')
        )
        reseal(ledgers[1], trial.name, {"record.json": text.encode()})
    found = compare(*(ledger.root for ledger in ledgers))
    assert found.paired
    assert found.differs == (("hardware", "cpu", "H100, 8 threads"), ("torch", "2.9.0", "9.9.9"))


def test_paired_means_are_over_the_seeds_in_common(make_run):
    one, two = make_run({"x": BAD}, folder="a", seeds=range(4)), make_run({"x": GOOD}, folder="b", seeds=(2, 3))
    (change,) = compare(one.root, two.root).changes
    before, after = change.balanced_accuracy
    assert after - before == pytest.approx(change.estimates[BALANCED_ACCURACY].value)


def test_settings_that_changed_and_arms_of_one_run_alone_are_named(make_run):
    one = make_run({"x": GOOD, "y": GOOD, "gone": BAD}, folder="a", configs={"x": {"loss": "ldam"}})
    two = make_run({"x": GOOD, "y": GOOD, "new": BAD}, folder="b", configs={"x": {"loss": "focal"}})
    found = compare(one.root, two.root)
    assert (found.only_a, found.only_b) == (("gone",), ("new",))
    for text in (shown(found), to_markdown(comparison_page(found))):
        assert "only in A: gone" in text
        assert "only in B: new" in text
        assert "loss.kind: ldam → focal in x" in text
    assert "loss.kind: ldam > focal in x" in shown(found, encoding="ascii")


def test_no_seed_in_common_and_no_arm_in_common(make_run):
    one, two = make_run({"x": GOOD}, folder="a", seeds=(0,)), make_run({"x": GOOD}, folder="b", seeds=(1,))
    found = compare(one.root, two.root)
    assert found.changes[0].estimates == {}
    assert "no seed in common, so not compared: x" in shown(found)
    with pytest.raises(UsageError, match="no finished arm in common"):
        compare(one.root, make_run({"z": GOOD}, folder="c").root)
    with pytest.raises(UsageError, match="no finished trial to compare"):
        compare(one.root, make_run({"x": GOOD}, folder="d", seeds=(0,), missing=[("x", 0)]).root)


def test_hostile_names_stay_text(make_run):
    arms = {"<script>alert(1)</script> | [x](y)": GOOD, "b": BAD}
    found = compare(make_run(arms, folder="a").root, make_run(arms, folder="b").root)
    text = to_markdown(comparison_page(found))
    assert "<script>" not in text
    assert len({line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| ")}) == 1
    assert "every arm made the same predictions" in shown(found)
    assert max(len(line.rstrip()) for line in shown(found, 100).splitlines()) <= 100
