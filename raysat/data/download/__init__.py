"""Public data sets: what they are, and how they come onto this machine, checked and with their licence."""
