"""What commands print: plans, stage trees, the status of a run, the quality of generated patches."""
