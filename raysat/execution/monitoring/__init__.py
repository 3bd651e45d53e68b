"""What Prometheus is told of a run through Ray's agents, and the files by which Prometheus and Grafana show it."""
