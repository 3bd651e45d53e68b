# The one image of raysat, for Kubernetes, for `docker` in cluster.yaml and for Slurm's containers: Ray's own, pinned, and
# raysat as constraints.txt has it. It runs as Ray's user (1000), never as root.
#
#   docker build -t REGISTRY/raysat:0.1.0 .
#   docker build -t REGISTRY/raysat:0.1.0-cpu --build-arg RAY_IMAGE=rayproject/ray:2.60.0-py311 .
ARG RAY_IMAGE=rayproject/ray:2.60.0-py311-gpu
FROM ${RAY_IMAGE}

WORKDIR /home/ray/raysat
COPY --chown=1000:100 . .
RUN pip install --no-cache-dir -c constraints.txt ".[aws]" && raysat --version

USER 1000
WORKDIR /home/ray
ENV RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
