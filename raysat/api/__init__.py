"""The Python API that ``raysat`` exports: each function does what a command does, and prints nothing."""
