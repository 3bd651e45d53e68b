"""Measures of generated patches in files: as they are written now, and as they were before."""

import pytest
from pydantic import ValidationError

from raysat.metrics.synthetic import Measure, Quality

FLAT = {  # the layout of before
    "real": 12,
    "held_out": 6,
    "generated": 24,
    "kid": 0.1,
    "kid_held_out": -0.01,
    "wasserstein": [0.1, None, 0.5],
    "wasserstein_held_out": [0.2, 0.3, None],
    "index": "NDVI",
    "index_bands": ["B5", "B4"],
    "index_distance": 0.02,
    "index_distance_held_out": 0.01,
    "diversity": 0.9,
    "diversity_held_out": None,
    "diversity_pairs": 276,
    "nearest_real": 1.1,
    "nearest_real_least": 0.7,
    "nearest_real_held_out": 1.0,
    "nearest_real_least_held_out": 0.6,
    "nearest_patches": 24,
}


def test_measures_of_before_are_read() -> None:
    quality = Quality.model_validate(FLAT)
    assert (quality.real, quality.held_out, quality.generated, quality.index) == (12, 6, 24, "NDVI")
    assert quality.measures() == {
        "kid": Measure(generated=0.1, held_out=-0.01),
        "wasserstein": Measure(generated=0.3, held_out=0.25),  # means of the bands that have one
        "index_distance": Measure(generated=0.02, held_out=0.01),
        "diversity": Measure(generated=0.9, held_out=None),
        "nearest_real": Measure(generated=1.1, held_out=1.0),
    }
    assert quality.wasserstein[1] == Measure(generated=None, held_out=0.3)


def test_what_is_written_is_read_back() -> None:
    quality = Quality.model_validate(FLAT)
    assert Quality.model_validate_json(quality.model_dump_json()) == quality


@pytest.mark.parametrize("change", [{"kid": "low"}, {"wasserstein": 3}, {"wasserstein": [[]]}, {"real": None}])
def test_other_types_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Quality.model_validate(FLAT | change)


def test_without_measures_all_are_unknown() -> None:
    assert set(Quality().measures().values()) == {Measure()}
