"""From trials to jobs: content hashes, the states that trainings share, the stage tree."""
