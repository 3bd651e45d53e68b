"""Studies of several stores: what they name, and what their runs are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import StudyError, UsageError
from raysat.files import safe_name
from raysat.study.load import load_study
from raysat.study.stores import run_name

TINY = {"base": {"optim": {"epochs": 1}}}


def test_a_study_names_its_stores() -> None:
    assert load_study(TINY).stores == ()
    assert load_study({**TINY, "stores": ["demo", "s3://b/x"]}).stores == ("demo", "s3://b/x")


@pytest.mark.parametrize(
    ("stores", "message"),
    [
        ("demo", "must be a list"),
        ([1, 2], "must be a list"),
        (["a", " "], "must be a list"),
        (["demo"], "names 2 to 100, got 1"),
        ([], "names 2 to 100, got 0"),
        ([f"s{k}" for k in range(101)], "got 101"),
        (["a", "b", "a"], "'a' is named twice"),
        (["a", "b" * 5000], "no path or URL"),
        (["a", "b\x1b"], "no path or URL"),
    ],
)
def test_what_names_no_stores_is_refused(stores: object, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        load_study({**TINY, "stores": stores})
    assert caught.value.hint


def test_runs_are_called_after_study_and_store() -> None:
    assert run_name("table2", (), "anything") == "table2"
    stores = ("stores/eurosat", "s3://bucket/drought watch/", "other/eurosat", "...")
    assert [run_name("t", stores, store) for store in stores] == [
        "t-1-eurosat",
        "t-2-drought-watch",
        "t-3-eurosat",
        "t-4-store",
    ]
    assert run_name("t", stores[:2], stores[1]) == "t-drought-watch"
    with pytest.raises(UsageError, match="not one of the study's stores") as caught:
        run_name("t", stores, "stores/eurosta")
    assert caught.value.hint is not None
    assert "stores/eurosat" in caught.value.hint


@given(st.lists(st.text(min_size=1), min_size=2, max_size=8, unique=True))
def test_names_are_safe_and_differ(stores: list[str]) -> None:
    names = [run_name("study", stores, store) for store in stores]
    assert len(set(names)) == len(names)
    assert all(safe_name(name, "run") == name for name in names)
