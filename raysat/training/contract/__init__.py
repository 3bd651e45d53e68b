"""What losses, samplers, augmentations, schedules and averages keep: tests for raysat's own and for plugins' alike."""
