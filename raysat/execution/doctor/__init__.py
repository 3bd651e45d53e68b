"""What ``raysat doctor`` looks at: one machine, or each node of a cluster."""
