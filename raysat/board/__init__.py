"""The live page of runs: reads their storage as it grows, and serves one read-only page of it on this machine."""
