"""What methods of each family that plugins may add to keep: tests for raysat's own and for plugins' alike."""
