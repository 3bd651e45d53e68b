"""From a study file to arms and seeds."""
