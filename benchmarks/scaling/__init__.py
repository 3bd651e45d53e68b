"""Parts of ``benchmarks/scale.py``: made-up runs, commands measured in fresh processes, simulated slots, the table."""
