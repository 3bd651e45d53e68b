"""What runs in a slot and its workers: a job step by step, and its record."""
