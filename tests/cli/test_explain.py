"""``raysat explain``: an arm in full, with options, and an arm that is not there."""

from tests.helpers.paths import SPACES

TABLE2 = SPACES / "table2.yaml"


def test_it_says_what_sets_each_value(raysat) -> None:
    result = raysat("explain", "(6)", "--space", TABLE2, "--set", "model.name=resnet50", "--epochs", "3")
    assert (result.code, result.err) == (0, "")
    lines = {line.split()[0]: line.split()[1:] for line in result.out.splitlines() if "." in line.split(" ")[0]}
    assert lines["model.name"] == ["resnet50", "option", "--set", "model.name"]
    assert lines["optim.epochs"] == ["3", "option", "--epochs"]
    assert lines["loss.scale"] == ["30", "default"]
    assert lines["loss.kind"][:2] == ["ldam", "arm"]
    assert lines["loss.kind"][2].startswith(f"{TABLE2}:")
    assert lines["optim.lr"][:4] == ["0.001", "(no", "effect)", "base"]
    assert "no effect  optim.lr does nothing: the triangular schedule brings its own rates" in result.out


def test_an_unknown_arm_is_one_error(raysat) -> None:
    result = raysat("explain", "(6", "--space", TABLE2)
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: study 'table2' has no arm '(6'\nhint: did you mean '(6)'?\n"
