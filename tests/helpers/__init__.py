"""What several tests share: stores, runs, processes and paths."""
