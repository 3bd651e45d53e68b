"""``raysat methods``: the list, one method, a name of two families, and a name that is none."""


def test_the_list_and_one_method(raysat) -> None:
    listed = raysat("methods")
    assert listed.code == 0
    assert "  ldam " in listed.out
    one = raysat("methods", "ldam")
    assert one.code == 0
    assert one.out.startswith("loss: ldam\n")
    assert "max_margin  0.5" in one.out
    assert "Cao et al. 2019" in one.out


def test_a_name_of_two_families_shows_both(raysat) -> None:
    result = raysat("methods", "inverse_frequency")
    assert result.code == 0
    assert [line for line in result.out.splitlines() if line.endswith(": inverse_frequency")] == [
        "reweight: inverse_frequency",
        "sampler: inverse_frequency",
    ]


def test_an_unknown_name_is_one_error(raysat) -> None:
    result = raysat("methods", "swaa")
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: there is no method 'swaa'\nhint: did you mean 'swa'?\n"
