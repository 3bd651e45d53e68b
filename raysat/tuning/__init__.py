"""Ray Tune and Ray Train around the plan; the only importer of ray."""
