"""Drawings of a generator: reals above, generated below, in one stretch; curves that go where they should."""

import io

import matplotlib.image
import numpy as np
import pytest

from raysat.generation.generate import Report
from raysat.generation.sample_grid import draw_losses, draw_samples


def point(step, generator_loss, discriminator_loss, diversity):
    return Report(
        step=step,
        steps=9,
        generator_loss=generator_loss,
        discriminator_loss=discriminator_loss,
        seconds=1.0,
        samples_seen=step,
        diversity=diversity,
        samples=np.empty(0),
    )


def picture(png):
    assert png.startswith(b"\x89PNG")
    return matplotlib.image.imread(io.BytesIO(png), format="png")[..., :3]


def where(image, colour):
    return np.abs(image - colour).max(axis=2) < 0.02


def striped(count, bands, dtype=np.uint16):
    """Patches whose columns run through every level, so that the stretch has ends to find."""
    return np.broadcast_to(np.linspace(100, 200, 20, dtype=dtype), (count, bands, 20, 20)).copy()


def test_generated_patches_lie_below_the_real_ones_in_their_stretch():
    real, generated = striped(8, 3), np.zeros((3, 3, 20, 20), np.uint16)
    generated[:, 0] = 60000  # above the stretch of the reals: full red, no wrap
    real[:, 2], real[:4, 0], real[:4, 1], real[4:, 0], real[4:, 1] = 100, 100, 200, 200, 100  # green ones, red ones
    image = picture(draw_samples(real, generated, bands=("R", "G", "B"), title="water"))
    red = np.argwhere(where(image, (1, 0, 0)))
    green = np.argwhere(where(image, (0, 1, 0)))
    below = red[red[:, 0] > image.shape[0] * 0.6]
    assert len(below) == pytest.approx(3 * (1.04 * 150) ** 2, rel=0.05)  # three patches, a column each
    assert below[:, 1].max() < image.shape[1] / 2
    assert len(red) - len(below) == len(green) == pytest.approx(4 * (1.04 * 150) ** 2, rel=0.05)
    assert green[:, 0].max() < below[:, 0].min()


@pytest.mark.slow
@pytest.mark.parametrize(("bands", "shown"), [(1, 1), (2, 2), (5, 3)])
def test_other_numbers_of_bands_are_drawn(bands, shown):
    names = [f"b{k}" for k in range(bands)]
    generated = striped(2, bands)
    generated[:, shown:] = 9999  # what is not shown changes nothing
    one = picture(draw_samples(striped(8, bands), striped(2, bands), bands=names, title="50 % $x$"))
    other = picture(draw_samples(striped(8, bands), generated, bands=names, title="50 % $x$"))
    np.testing.assert_array_equal(one, other)
    if bands == 1:
        np.testing.assert_array_equal(one[..., 0], one[..., 2])


def test_flat_and_float_patches_are_drawn_and_rows_follow_the_number():
    flat = np.full((3, 1, 16, 24), 0.5, np.float32)
    few = picture(draw_samples(flat, flat, bands=("b",), title="flat"))
    many = picture(draw_samples(flat, np.repeat(flat, 3, axis=0), bands=("b",), title="flat"))
    assert many.shape[0] - few.shape[0] == pytest.approx(1.1 * 150, abs=1)


def test_losses_and_diversity_are_drawn():
    history = [point(k, 2 - k / 10, 1 + k / 10, None if k == 1 else k / 9) for k in range(1, 10)]
    image = picture(draw_losses(history, title="forest"))
    colours = {
        "generator": (0xC4 / 255, 0x51 / 255, 0x2D / 255),
        "discriminator": (0x2D / 255, 0x6C / 255, 0xA8 / 255),
        "diversity": (0x3F / 255, 0x7F / 255, 0x4C / 255),
    }
    found = {name: np.argwhere(where(image, colour)) for name, colour in colours.items()}
    assert all(len(pixels) > 100 for pixels in found.values())
    legend = image.shape[0] * 0.13  # above the axes

    def slope(name):
        rows, columns = found[name][found[name][:, 0] > legend].T
        return np.polyfit(columns, rows, 1)[0]

    assert slope("generator") > 0 > slope("discriminator")  # rows count downwards
    assert slope("diversity") < 0
    assert found["diversity"][:, 0].min() > found["generator"][found["generator"][:, 0] > legend][:, 0].max()


def test_a_single_point_is_seen():
    one = picture(draw_losses([point(1, 1.0, 2.0, 0.5)]))
    none = picture(draw_losses([point(1, 1.0, 2.0, None)]))
    assert not np.array_equal(one, none)
