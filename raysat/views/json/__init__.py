"""Makes the documents of ``raysat.documents`` from what commands found, a file a command."""
