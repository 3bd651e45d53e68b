"""The command line: a command calls the package and shows the result; no logic of its own."""
