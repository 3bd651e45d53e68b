from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from raysat import errors
from raysat.errors import (
    BusyError,
    ClusterError,
    DataError,
    DiskError,
    DownloadError,
    InstallationError,
    PlanError,
    RaysatError,
    StorageError,
    TrackerError,
    UsageError,
    did_you_mean,
    prefixed,
    suggest,
    with_options,
)


def every_kind(base: type[RaysatError] = RaysatError) -> list[type[RaysatError]]:
    own = [kind for kind in base.__subclasses__() if kind.__module__ == "raysat.errors"]
    return [base, *(deeper for kind in own for deeper in every_kind(kind))]


@pytest.mark.parametrize("kind", every_kind())
@pytest.mark.parametrize("hint", [None, "do this next"])
@pytest.mark.parametrize("travel", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - our own
def test_an_error_keeps_kind_message_and_hint_between_processes(kind, hint, travel):
    arrived = travel(kind("went wrong", hint=hint))
    assert type(arrived) is kind
    assert (arrived.message, arrived.hint, str(arrived)) == ("went wrong", hint, "went wrong")


@pytest.mark.parametrize("kind", every_kind())
def test_the_exit_code_says_who_is_at_fault_and_the_docstring_says_so_too(kind):
    environment = DiskError | BusyError | DownloadError | InstallationError | ClusterError | TrackerError
    code = 2 if issubclass(kind, UsageError | DataError | StorageError) else 1
    code = 3 if issubclass(kind, environment) else code
    assert kind("x").exit_code == code
    said = {line.split("-- ")[-1].split()[0]: line for line in errors.__doc__.splitlines() if "-- " in line}
    if "exit code" in (line := said.get(kind.__name__, "")):
        assert f"exit code {code}" in line


def test_a_message_is_one_visible_line_of_bounded_length():
    error = UsageError("a\x1b[31m\nb\u202ec\ud800" + "d" * 10**6, hint="e\0f" + "g" * 10**6)
    assert error.message.startswith("a\\x1b[31m b\\u202ec\\ud800ddd")
    assert error.hint.startswith("e\\x00fggg")
    assert (error.message + error.hint).isprintable()
    assert len(error.message) <= 500 >= len(error.hint)
    assert copy.copy(error).message == error.message


def test_the_tree_in_the_docstring_shows_every_error():
    tree = errors.__doc__
    for kind in every_kind():
        assert kind.__name__ in tree
    assert {kind.__name__ for kind in every_kind() if issubclass(kind, UsageError)} == {
        "UsageError",
        "StudyError",
        "BandError",
        "PlanError",
        "PluginError",
    }


def test_did_you_mean_names_the_nearest_word_and_keeps_quiet_where_nothing_is_near():
    known = ["cross_entropy", "ldam", "triangular"]
    assert did_you_mean("triangle", known) == "did you mean 'triangular'?"
    assert did_you_mean("cross-entropy", iter(known)) == "did you mean 'cross_entropy'?"
    assert did_you_mean("zebra", known) is None
    assert did_you_mean("ldam", []) is None


def test_a_hint_on_an_unknown_word_lists_what_there_is_where_nothing_is_near():
    assert suggest("lmda", iter(["ldam", "focal"])) == "did you mean 'ldam'?"
    assert suggest("zebra", ["ldam", "focal"]) == "known: ldam, focal"
    assert suggest("zebra", ["ldam"], "leave it out") == "leave it out"


def test_a_wrong_request_says_what_it_is_about():
    with pytest.raises(PlanError) as caught, prefixed("arm 'x'"):
        raise PlanError("too few bands", hint="add one")
    assert (caught.value.message, caught.value.hint) == ("arm 'x': too few bands", "add one")
    with pytest.raises(RaysatError, match=r"^broken$"), prefixed("arm 'x'"):
        raise RaysatError("broken")


def test_python_and_the_command_line_have_words_of_their_own():
    error = UsageError("{--rank-by} 5: {kind: ldam} is none", hint="give {--seeds} to {raysat tune}")
    assert (str(error), error.message) == ("rank_by 5: {kind: ldam} is none",) * 2
    assert error.hint == "give seeds to raysat.tune"
    assert with_options(error.template) == "--rank-by 5: {kind: ldam} is none"
    assert with_options(error.hint_template) == "give --seeds to raysat tune"
    assert str(UsageError("{--set} optim.lr: must be > 0")) == "overrides optim.lr: must be > 0"
    assert UsageError("", hint="{raysat data import}").hint == "raysat.import_geotiff or its like"


def test_a_traceback_ends_with_the_hint():
    error = pickle.loads(pickle.dumps(PlanError("no band", hint="give {--bands}")))  # noqa: S301 - our own
    assert traceback.format_exception(error) == ["raysat.errors.PlanError: no band\n", "hint: give bands\n"]


@pytest.mark.parametrize(
    ("hint", "line", "python"),
    [
        ("name its file by {--plugin}", "by --plugin", 'by raysat.load_plugin("FILE.py")'),
        (
            "give {--plugin} FILE with that",
            "give --plugin FILE with that",
            'give raysat.load_plugin("FILE.py") with that',
        ),
        ("and give {--plugin} my.own.py", "give --plugin my.own.py", 'give raysat.load_plugin("my.own.py")'),
    ],
)
def test_a_plugin_is_named_by_an_option_or_a_call(hint, line, python):
    assert with_options(hint).endswith(line)
    assert UsageError("it is missing", hint=hint).hint.endswith(python)
