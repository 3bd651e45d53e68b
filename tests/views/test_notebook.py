"""The live table of a notebook, on a display that only keeps what it is told; ``tests/examples`` has a real kernel."""

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from raysat.execution.events import Connected, Ended, Progress, Resumed, Started, ignore
from raysat.execution.messages import EpochDone
from raysat.execution.run_state import RunState
from raysat.planning.stages import train_jobs
from raysat.views.notebook import NotebookView, default_view
from tests.helpers.stages import way


@dataclass
class Display:
    """What was shown below the cell, in order, and the time on its clock."""

    shown: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    now: float = 100.0

    def show(self, page: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id, "without an id it cannot be renewed"
        self.shown.append(page)
        return SimpleNamespace(update=self.updates.append)


@pytest.fixture(name="display")
def _display(monkeypatch: pytest.MonkeyPatch) -> Display:
    display = Display()
    ipython = SimpleNamespace(display=SimpleNamespace(HTML=str, display=display.show))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr("raysat.views.notebook.time", SimpleNamespace(monotonic=lambda: display.now))
    return display


def test_the_table_is_shown_once_and_renewed_now_and_then_and_in_the_end(display: Display) -> None:
    state, view = RunState(train_jobs([way("<plain>", 4)])), NotebookView()
    view(Resumed(finished=0, total=1, noun="trial"))
    view(Connected(dashboard="http://127.0.0.1:8265"))
    view(Progress(row=None))
    assert not display.shown, "nothing runs yet"

    view(Started(state=state, slots=1, most=1, workers=1, cpus=1.0, gpus=0.0, validation_split="val"))
    (first,) = display.shown
    assert first.startswith("<pre")
    assert "0/1 jobs done" in first

    for _ in range(40):  # four seconds
        display.now += 0.1
        view(Progress(row=None))
    assert 6 <= len(display.updates) <= 8, "every half a second"

    before = len(display.updates)
    state.receive(EpochDone(job="<plain>", epoch=2))
    view(Ended())
    assert len(display.updates) == before + 1, "however soon after the last"
    assert "2/4" in display.updates[-1]
    assert "&lt;plain&gt;" in display.updates[-1]
    assert len(display.shown) == 1


def test_a_run_that_never_started_shows_nothing(display: Display) -> None:
    view = NotebookView()
    view(Resumed(finished=3, total=3, noun="trial"))
    view(Ended())
    assert (display.shown, display.updates) == ([], [])


def test_only_a_notebook_has_a_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert default_view() is ignore
    for shell in (None, SimpleNamespace(config={"TerminalIPythonApp": {}})):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert default_view() is ignore
    kernel = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    assert isinstance(default_view(), NotebookView)
