"""Which job runs where and when: slots that follow the cluster, jobs for Ray Tune, and again where a worker died."""
