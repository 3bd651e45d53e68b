"""How numbers and findings read, the same in every form of a report."""
