"""``docs/why.md``: the numbers of its examples, worked out anew; and what else pages say that can be counted."""

import csv
import itertools
import re

import numpy as np

import raysat
from raysat.metrics.confusion import from_confusion
from raysat.metrics.power import seeds_needed, smallest_p
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "why.md").read_text(encoding="utf-8")
SEEDS = range(8)


def section(title: str) -> str:
    (text,) = [part for part in PAGE.split("\n## ") if part.startswith(title)]
    return text


def rows(text: str) -> list[list[str]]:
    """The rows of a section's tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not set(line) <= set("|- ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_two_classifiers_of_equal_accuracy() -> None:
    text = section("Why balanced accuracy")
    (block,) = [found for found in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if found.startswith("A ")]
    numbers = np.array([[int(n) for n in re.findall(r"\d+", line)] for line in block.splitlines()])
    for name, counts in (("A", numbers[:, :4]), ("B", numbers[:, 4:])):
        assert list(counts.sum(1)) == [60, 16, 15, 9]
        metrics = from_confusion(counts)
        row = next(row for row in rows(text) if row[0] == name)
        recalls = counts.diagonal() / counts.sum(1)
        assert row[1] == f"{np.trace(counts) / 100:.3f}" == "0.690"
        assert row[2].split() == [f"{recall:.3f}".removeprefix("0") for recall in recalls]
        assert row[3] == f"{recalls.mean():.3f}" == f"{metrics.balanced_accuracy:.3f}"
        assert row[4] == f"{((0.69 - recalls) ** 2).sum():.4f}" == f"{metrics.icv:.4f}"
        assert row[5:] == [f"{metrics.icv_root:.3f}", f"{metrics.macro_f1:.3f}"]
    assert f"1/(4·9) = {1 / 36:.3f}" in text


def test_pairs_by_patch() -> None:
    text = section("Why pairs")
    same = (0.2 - 0.03**2) / 512
    other = (0.7 * 0.3 + 0.73 * 0.27) / 512
    assert f"is {same**0.5:.3f}, on two sets of patches {other**0.5:.3f}" in text
    assert f"twice as many patches ({other / same:.1f})" in text


def balanced_accuracy(reweight: str) -> np.ndarray:
    """Of the example report's arm with cross-entropy, by seed."""
    with (ROOT / "reports" / "quickstart" / "trials.csv").open(encoding="utf-8", newline="") as file:
        found = {
            int(row["seed"]): float(row["balanced_accuracy"])
            for row in csv.DictReader(file)
            if row["arm"] == f"loss=cross_entropy, reweight={reweight}"
        }
    return np.array([found[seed] for seed in SEEDS])


def test_pairs_by_seed() -> None:
    plain, drw = balanced_accuracy("none"), balanced_accuracy("drw")
    shown = {row[0]: row[1:] for row in rows(section("Why pairs"))}
    for name, values, sign in (("cross-entropy", plain, ""), ("with DRW", drw, ""), ("difference", drw - plain, "+")):
        assert shown[name][:8] == [f"{value:{sign}.3f}".replace("0.", ".", 1) for value in values]
        assert shown[name][8:] == [f"{values.mean():{sign}.3f}", f"{values.std(ddof=1):.3f}"]
    assert f"correlation is {np.corrcoef(plain, drw)[0, 1]:.2f}" in section("Why pairs")
    worth = (plain.var(ddof=1) + drw.var(ddof=1)) / (drw - plain).var(ddof=1)
    assert f"worth {worth:.1f} times as many seeds" in section("Why pairs")


def sign_flip(differences: np.ndarray) -> float:
    """The share of all ways to give signs whose mean is as far from zero."""
    seen = abs(differences.mean()) - 1e-12
    signs = itertools.product((1, -1), repeat=len(differences))
    return float(np.mean([abs((differences * given).mean()) >= seen for given in signs]))


def test_what_five_seeds_can_show() -> None:
    text = section("What five seeds")
    differences = balanced_accuracy("drw") - balanced_accuracy("none")
    assert f"p = 2 / 2⁸ = {sign_flip(differences):.4f}" in text
    assert f"first five seeds above give p = {sign_flip(differences[:5]):.4f}".replace("0.", ".") in text
    table = [row for row in rows(text) if row[0].isdigit()]
    assert [int(row[0]) for row in table] == [3, 5, 6, 7, 8, 10]
    for seeds, *shown in table:
        least = smallest_p(int(seeds))
        assert least == 2.0 ** (1 - int(seeds))
        assert shown == [f"{min(1, least * number):.4f}" for number in (1, 3, 6)]
    assert [seeds_needed(number) for number in (1, 3, 6)] == [6, 7, 8], "six, seven, eight: as the page says"


def test_what_sharing_saves() -> None:
    images = raysat.plan("quickstart").to_file().images
    assert (48, 30) == (4 * 12, 2 * (9 + 3 + 3))
    assert images.alone / images.shared == 48 / 30
    assert "1.6 times less" in section("Why epochs")


def test_storage_names_what_a_run_has() -> None:
    page = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    ledger = (ROOT / "raysat" / "storage" / "ledger.py").read_text(encoding="utf-8").split('"""')[1]
    names = set(re.findall(r"[\w.]+\.(?:yaml|json|csv|npz|pt)\b|SHA256SUMS|\b\w+/(?= )", ledger))
    assert len(names) > 12
    assert {name for name in names if name not in page} <= {"lease/"}
