"""The page that ``raysat plan`` prints: what it says first, that it fits, and that nothing is lost with ``--all``."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from raysat.data.importers.synthetic import synthesize
from raysat.data.store import PatchStore
from raysat.planning.build import PendingJobs, make_plan
from raysat.planning.summary import PlanSummary, summarize
from raysat.study.load import load_study
from raysat.views.plan import show_plan
from tests.helpers.paths import SPACES
from tests.helpers.study import shipped_studies

PAGE = 40  # lines; Table 1 has generators and notes beside them, and the modern methods have contrasts and forks
LONGEST = {"table1": 50, "modern": 50}


@pytest.fixture(scope="module", name="store")
def _store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    path = tmp_path_factory.mktemp("stores") / "synthetic"
    synthesize(path, size=200, seed=0)
    return PatchStore.open(path)


def summary_of(store: PatchStore, study: str, folder: Path) -> PlanSummary:
    plan = make_plan(load_study(SPACES / f"{study}.yaml"), store, data="demo")
    return summarize(plan, PendingJobs.of(plan, folder))


def shown(summary: PlanSummary, *, everything: bool = False, width: int = 80) -> list[str]:
    file = io.StringIO()
    show_plan(summary, Console(file=file, width=width, soft_wrap=True), everything=everything)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("study", [file.stem for file in shipped_studies()])
def test_every_shipped_study_fits_a_page(store: PatchStore, tmp_path: Path, study: str) -> None:
    lines = shown(summary_of(store, study, tmp_path))
    assert max(map(len, lines)) <= 80
    assert len(lines) <= LONGEST.get(study, PAGE)
    heads = ["What it can show", "What it costs"]
    assert [line for line in lines if line in heads] == heads


def test_a_large_grid_is_told_by_its_axes_and_all_of_it_is_there_on_request(store: PatchStore, tmp_path: Path) -> None:
    summary = summary_of(store, "full_factorial", tmp_path)
    page, whole = shown(summary), shown(summary, everything=True)
    assert "           loss      cross_entropy, ldam" in page
    assert "... 128 more arms: --all shows them" in page
    assert not any("--all" in line for line in whole)
    assert sum(line.lstrip().split(" ")[0].isdigit() for line in whole) == 128
    tree = whole[whole.index("Epochs trained once, and the arms that end there") + 1 :]
    head = page[page.index("Epochs trained once, and the arms that end there") + 1 : -1]
    assert len(tree) > len(head)
    hidden = page[-1]
    assert hidden == f"... {len(tree) - len(head)} more lines: --all shows them"


def test_the_tree_names_what_arms_share_once_and_then_what_they_differ_in(store: PatchStore, tmp_path: Path) -> None:
    lines = shown(summary_of(store, "quickstart", tmp_path))
    assert lines[-6:] == [
        "1–9  loss=cross_entropy",
        "  10–12  reweight=drw",
        "  10–12  reweight=none",
        "1–9  loss=ldam",
        "  10–12  reweight=drw",
        "  10–12  reweight=none",
    ]


def test_what_can_be_shown_comes_first(store: PatchStore, tmp_path: Path) -> None:
    lines = shown(summary_of(store, "table2", tmp_path), width=300)
    n = len(store.indices("test"))
    start = lines.index("What it can show")
    assert lines[start + 1 : start + 3] == [
        "arms       7, which differ in bands, augment, loss, reweight, schedule, average",
        f"compares   6 arms with the baseline, and all with the best, over 3 paired seeds, on {n} test patches",
    ]
    assert lines[start + 3].startswith("evidence   3 seeds: the smallest p of a paired sign-flip test is 0.25")
    assert lines.index("What it costs") > start + 3
