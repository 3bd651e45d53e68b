"""What is shown of plans, runs, stores and generators, in a terminal or a notebook."""
