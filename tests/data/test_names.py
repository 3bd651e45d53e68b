"""Names of classes and bands: the rule, for writers and readers alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.names import check_names, name_fault, names_fault
from raysat.data.store import StoreWriter
from raysat.errors import DataError
from tests.helpers.data import OPTIONS, left_behind, quick


@pytest.mark.parametrize("name", ["a", "0 cows", "3+ cows", "Wälder", "[bold]x[/bold]", "水", "🌲", "B8A", "x" * 100])
@pytest.mark.parametrize("kind", ["class", "band", "sensor"])
def test_usual_names_are_names(name, kind):
    assert name_fault(name, kind) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "empty"),
        ("x" * 101, "101 characters"),
        ("a\tb", "cannot be printed"),
        ("\u202ecba", "cannot be printed"),
        ("a\u200bb", "cannot be printed"),
        ("\ud800", "cannot be printed"),
        (" a", "space"),
        ("a ", "space"),
    ],
)
@pytest.mark.parametrize("kind", ["class", "band", "sensor"])
def test_what_tables_cannot_show_is_no_name(name, said, kind):
    assert said in name_fault(name, kind)


def test_a_band_has_no_comma_as_the_command_line_splits_there():
    assert "comma" in name_fault("a,b", "band")
    assert name_fault("crops, annual", "class") == ""


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "A"), ("é", "e\u0301"), ("ß", "SS"), ("ﬁ", "fi"), ("\u00c5", "\u212b"), ("İ", "i̇"), ("²", "2")],
)
def test_names_that_look_alike_are_refused(first, second):
    assert "alone" in names_fault([first, "x", second], "class")
    with pytest.raises(DataError, match="differ in case or Unicode form alone") as caught:
        check_names([second, first], "band")
    assert caught.value.hint


def test_as_many_as_a_store_holds():
    names = [f"c{index}" for index in range(1001)]
    assert names_fault(names[:256], "class") == names_fault(names[:1000], "band") == ""
    assert names_fault(names[:257], "class") == "257 classes; a store holds 1 to 256"
    assert names_fault(names, "band") == "1,001 bands; a store holds 1 to 1,000"
    assert names_fault([], "class") == "0 classes; a store holds 1 to 256"
    assert names_fault(["a", "b", "a"], "class") == "class 'a' is named twice"


@quick
@given(st.lists(st.text(max_size=5), max_size=5))
def test_what_passes_is_what_the_rule_says(names):
    def same(name):
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())

    fine = names and all(name and name.isprintable() and name == name.strip() for name in names)
    assert (names_fault(names, "class") == "") == bool(fine and len(set(map(same, names))) == len(names))


@pytest.mark.parametrize("change", [{"classes": ("x", "X")}, {"bands": ("a", "b,c")}, {"sensor": "\x1b"}])
def test_a_writer_refuses_them_before_it_makes_a_folder(tmp_path, change):
    with pytest.raises(DataError):
        StoreWriter(tmp_path / "s", **OPTIONS | change)
    assert left_behind(tmp_path) == []
