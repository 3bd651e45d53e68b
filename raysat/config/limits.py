"""The most that a study or a search may ask for: beyond it, a slip of the pen would hang or fill the memory.

Planning makes every arm, and names every state that a trial passes through (``state_ids.py``), before anything trains.
"""

from __future__ import annotations

from typing import Final

EPOCHS: Final = 10_000  # of a trial; the papers behind the methods train for 40 to 300
SEEDS: Final = 1_000  # no paired test asks for more than some twenty
STORES: Final = 100  # of a study
PATH: Final = 4_096  # characters of a path or URL in a study
GROWN: Final = 30  # seeds of a study that adds them until decided, unless more are allowed
CELLS: Final = 10_000  # combinations of a grid, before exclude, and of the ends of a search's parameters: each is made
TRIALS: Final = 100_000  # arms times seeds
ALL_EPOCHS: Final = (
    4_000_000  # of all trials together: the plan holds a name for each, some 0.8 GB and 10 s for so many
)
CANDIDATES: Final = 10_000  # of a search, which writes all of them down after each one
BEST: Final = 100  # of a search's candidates in the study that confirms them, which is a file of named arms
CHOICES: Final = 1_000  # values of one parameter of a search
HOURS: Final = 8_760  # of a search: a year
SMALLEST: Final = 1e-12  # rate, or strength other than 0: below, 32-bit weights stay as they are
RATE: Final = 1_000  # of learning, and of weight decay: far above what any optimiser bears
WEIGHT: Final = 1_000  # of a part of a loss, or what scores are multiplied by
EXPONENT: Final = 100  # of probabilities in a loss; papers have 1 to 5
JITTER: Final = 10  # standard deviations of a band that offsets and noise may have; a tenth is usual
WORKERS: Final = 1_024  # of a trial
PORT: Final = 65_535  # of a machine
CPUS: Final = 1_024  # of a worker, and GPUs
LEAST_CPUS: Final = 0.001  # of a worker: Ray counts them in ten thousandths
JOBS: Final = 10_000  # at a time
RETRIES: Final = 100  # of a job
LEAST_EFFECT: Final = 1e-4  # a difference of a metric that anybody would want to see
LEAST_SHARE: Final = 0.01  # of a split
SHARE: Final = 0.9
FOLDS: Final = 100  # of a store; a study takes as many
CHIP: Final = 2_048  # rows and columns of a chip, and pixels from one to the next
LEAST_PIXEL: Final = 0.001  # metres
PIXEL: Final = 100_000  # metres
PATCHES: Final = (
    10_000_000  # to generate of a class, in a batch, or to synthesize; droughtwatch has 86,317 training patches in all
)
GENERATOR_STEPS: Final = 10_000_000  # of a generator; the default of a DC-GAN is 2,500
GENERATOR_BATCH: Final = 4_096  # patches of each of these steps; the default is 16
GENERATOR_WIDTH: Final = 1_024  # channels of its network at the finest level; the usual DC-GAN has 64
GAN_LATENT: Final = 4_096  # numbers that a patch is made from; the usual code has 100
REPEATS: Final = 100  # permutations of a band, whose mean is shown
MAPPED: Final = 24  # patches whose occlusion maps are made: a page has room for no more
NAME: Final = 200  # characters of an arm's name, which stands in tables and figures
FILE: Final = 150_000  # bytes of a study file: less than a second of reading, 2,000 arms
PLUGIN: Final = 262_144  # bytes of a plugin, which travels with the settings that need it
VALUES: Final = 150_000  # of a study file, those that aliases make of it included
DEPTH: Final = 20  # of nested values, far above what a study needs
PATCH_SIDE: Final = 1 << 14  # pixels of a patch, and between the windows of a map
