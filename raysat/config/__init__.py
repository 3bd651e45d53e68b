"""What can be configured: typed sections, YAML with positions, merging, checks, canonical JSON."""
