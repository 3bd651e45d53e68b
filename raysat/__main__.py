"""``python -m raysat`` is the raysat command."""

from raysat.cli.start import main

if __name__ == "__main__":
    main()
