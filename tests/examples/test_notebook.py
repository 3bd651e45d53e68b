"""The example notebook as a user runs it: a real kernel, a real Ray; its outputs are looked at."""

import os
from collections import Counter
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import raysat
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

NOTEBOOK = ROOT / "examples" / "table2.ipynb"


def read() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)


def test_it_is_kept_without_outputs() -> None:
    notebook = read()
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), cell.id


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module", name="executed")
def _executed(folder: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a short training on few patches."""
    store = raysat.make_synthetic(folder / "landsat8", size=160).store
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MPLBACKEND"))}
    environment |= {"PYTHONPATH": str(ROOT), "RAYSAT_DATA": str(store.path), "RAYSAT_OUT": str(folder / "out")}
    environment |= {"RAYSAT_EPOCHS": "2", "RAYSAT_SEEDS": "2", "RAYSAT_MODEL": "test_resnet"}
    notebook = read()
    NotebookClient(notebook, timeout=PATIENCE_S, kernel_name="python3").execute(env=environment)
    return notebook


def outputs(notebook: nbformat.NotebookNode, cell: str) -> list[nbformat.NotebookNode]:
    (found,) = [each for each in notebook.cells if each.id == cell]
    return list(found.outputs)


def test_no_cell_complains(executed: nbformat.NotebookNode) -> None:
    kinds = Counter(output.output_type for cell in executed.cells for output in cell.get("outputs", []))
    assert not kinds["error"]
    assert not kinds["stream"], "warnings or prints"


def test_what_is_loaded_shows_itself(executed: nbformat.NotebookNode) -> None:
    for cell, text in {
        "study": "table2: 7 arms, 2 seeds",
        "store": "Landsat 8",
        "plan": "14 (7 arms x 2 seeds)",
        "run": "LDAM + DRW",
        "report": "What the paper found",
    }.items():
        (output,) = outputs(executed, cell)
        assert output.data["text/html"].startswith("<pre"), cell
        assert text in output.data["text/html"], cell


def test_training_shows_a_live_table(executed: nbformat.NotebookNode) -> None:
    table, outcome = outputs(executed, "train")
    assert "14/14 jobs done" in table.data["text/html"], "the last state of the table that was renewed"
    assert "finished=14, failed=0" in outcome.data["text/plain"]


def test_its_plots_are_drawn(executed: nbformat.NotebookNode) -> None:
    for cell in ("recall-plot", "history-plot", "differences-plot"):
        (output,) = outputs(executed, cell)
        assert len(output.data["image/png"]) > 5_000, cell


def test_its_files_are_the_frames(executed: nbformat.NotebookNode, folder: Path) -> None:
    run = raysat.open_run(folder / "out" / "runs" / "table2")
    frames = {"trials": run.to_frame(), "history": run.history(), "differences": run.report().differences()}
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(pd.read_parquet(folder / "out" / f"{name}.parquet"), frame)
        read_back = pd.read_csv(folder / "out" / f"{name}.csv", index_col=frame.index.names)
        pd.testing.assert_frame_equal(read_back, frame)
