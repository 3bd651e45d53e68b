"""The families of a configuration: unions of small frozen models, told apart by ``kind``.

Families of losses, samplers, augmentations, schedules and averages are open: plugins add members (``config/plugins``).
A variant here is data and bounds; what it *does* stands in one ``match`` in its module under ``training/``. Milestones
are fractions of training, so another number of epochs rescales them (``milestones.py`` says which epoch one means);
only ``step_epochs`` of the cyclic schedules counts epochs, as in their paper.
"""
