"""Faults by plan: schedules drawn from a seed, runs that they disturb, and what these must come to nevertheless."""
