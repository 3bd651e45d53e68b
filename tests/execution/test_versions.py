"""What of the versions of two machines must be equal."""

from raysat.execution.versions import differences, versions

OURS = {
    "raysat": "0.1.0",
    "torch": "2.9.1+cu130",
    "timm": "1.0.20",
    "ray": "2.60.0",
    "numpy": "2.3.1",
    "python": "3.11.7",
}


def test_the_same_versions_are_the_same() -> None:
    assert differences(OURS, OURS) == []
    assert differences(versions(), versions()) == []


def test_the_build_of_torch_does_not_count_and_ray_sees_to_its_own() -> None:
    assert differences(OURS | {"torch": "2.9.1+cpu", "ray": "2.59.0"}, OURS) == []


def test_what_decides_numbers_counts() -> None:
    theirs = OURS | {"torch": "2.9.0+cu130", "raysat": None, "numpy": "2.3.2"}
    assert differences(theirs, OURS) == [
        "no raysat, in place of 0.1.0",
        "torch 2.9.0+cu130 in place of 2.9.1+cu130",
        "numpy 2.3.2 in place of 2.3.1",
    ]
