"""What ``seeds.py`` compares: the ways to train several seeds of one arm in one process."""
