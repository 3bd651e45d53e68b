"""What the discriminator sees: shifted, cut and brightened patches, by operations with gradients."""

import numpy as np
import torch

from raysat.generation.dcgan.augment import DiffAugmentParams, diff_augment, draw


def seen(drawn, index, patch):
    """The augmentation of one patch (C, H, W), with loops and slices."""
    shown = np.zeros_like(patch)
    height, width = patch.shape[1:]
    for row in range(height):
        for column in range(width):
            source = [np.flatnonzero(each[index][at]) for each, at in ((drawn.rows, row), (drawn.columns, column))]
            cut = drawn.kept_rows[index][row] == 0 and drawn.kept_columns[index][column] == 0
            if not cut and len(source[0]) and len(source[1]):
                shown[:, row, column] = patch[:, source[0][0], source[1][0]] + drawn.brightness[index]
    return shown


def test_diff_augment_shifts_cuts_and_brightens_each_patch():
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (6, 3, 16, 20)).astype(np.float32)
    drawn = draw(6, 3, (16, 20), rng)
    found = diff_augment(torch.from_numpy(patches), drawn).numpy()
    for index in range(6):
        np.testing.assert_allclose(found[index], seen(drawn, index, patches[index]), atol=1e-6)


def test_draws_are_those_of_the_paper():
    drawn = draw(4000, 2, (32, 64), np.random.default_rng(0))
    for shift, kept, side in ((drawn.rows, drawn.kept_rows, 32), (drawn.columns, drawn.kept_columns, 64)):
        moved = side - shift.sum(axis=(1, 2))  # rows that came from outside
        assert moved.max() == side / 8
        assert moved.min() == 0
        cut = (kept == 0).sum(axis=1)
        assert cut.max() == side / 2
        assert cut.min() == side / 4  # a square centred on the edge
    assert abs(drawn.brightness.mean()) < 0.02
    assert not np.allclose(drawn.brightness[:, 0], drawn.brightness[:, 1])  # each band by itself


def test_gradients_go_where_the_pixels_came_from():
    patch = torch.zeros(1, 1, 8, 8, requires_grad=True)
    rows = np.eye(8, k=-2, dtype=np.float32)[None]  # down by two
    keep = np.ones((1, 8), np.float32)
    keep_rows = keep.copy()
    keep_rows[:, 4:] = 0
    keep_columns = keep.copy()
    keep_columns[:, :4] = 0
    drawn = DiffAugmentParams(
        rows=rows,
        columns=np.eye(8, dtype=np.float32)[None],
        kept_rows=keep_rows,
        kept_columns=keep_columns,
        brightness=np.zeros((1, 1), np.float32),
    )
    diff_augment(patch, drawn).sum().backward()
    wanted = np.ones((8, 8))
    wanted[6:] = 0  # moved out
    wanted[2:6, :4] = 0  # cut
    np.testing.assert_array_equal(patch.grad[0, 0].numpy(), wanted)
