"""The families of a configuration: unions of small frozen models, told apart by ``kind``.

A member here is data and bounds; what it *does* stands in one ``match`` in its module under ``training/``. Points in
training are fractions of it, so another number of epochs rescales them (``milestones.py`` says which epoch one means);
only ``step_epochs`` of the cyclic schedules counts epochs, as in their paper.
"""
