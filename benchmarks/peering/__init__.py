"""The peers of ``peers.py``: each trains the same study in its own way, in a process of its own."""
