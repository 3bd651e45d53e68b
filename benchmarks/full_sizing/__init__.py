"""The parts of ``full_size.py``."""
