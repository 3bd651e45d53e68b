"""What a command does, without a terminal: the calls behind it, which are to be the Python API."""
