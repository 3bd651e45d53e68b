# The one image of raysat: for a laptop, Kubernetes, Slurm's containers and `docker` in cluster.yaml. Debian with its Python
# 3.11, and raysat as constraints.txt has it, which no user of the image can change; it runs as user 1000, never as root.
#
#   docker build -t REGISTRY/raysat:0.1.0 .                                       for NVIDIA's GPUs, and for CPUs
#   docker build -t REGISTRY/raysat:0.1.0-cpu --build-arg TORCH_INDEX=URL .       for CPUs alone: docs/install.md says which
#   docker run --rm --shm-size=2g -v "$PWD/runs:/home/ray/runs" REGISTRY/raysat:0.1.0 raysat ablate --space quickstart
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS pytorch
# wget: KubeRay's probes; rsync: `ray up`; tini: ends what Ray leaves and passes signals on.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates python-is-python3 python3 python3-pip rsync tini wget \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb \
    && useradd --uid 1000 --gid users --create-home --shell /bin/bash ray
# This Python serves raysat alone, so that pip may install into it.
ENV LANG=C.UTF-8 PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# The index that PyTorch is taken from: that of its builds for CPUs, or for another CUDA; pip's own has those for CUDA.
ARG TORCH_INDEX=
COPY constraints.txt /opt/raysat/
RUN pip install --no-deps -c /opt/raysat/constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision

# Triton, which PyTorch for CUDA brings, compiles AugMix's kernel: with a C compiler and Python's headers.
RUN ! pip show --quiet triton \
    || { apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev python3-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb; }

# For .devcontainer: what working on raysat takes; the sources are mounted, and installed when it is made.
FROM pytorch AS development
RUN apt-get update \
    && apt-get install -y --no-install-recommends git iproute2 less openssh-client procps \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
USER 1000
ENV PATH=/home/ray/.local/bin:$PATH

FROM pytorch AS raysat
ARG EXTRAS=aws
COPY . /opt/raysat/
RUN pip install -c /opt/raysat/constraints.txt "/opt/raysat[$EXTRAS]" \
    && rm -rf /opt/raysat/build /opt/raysat/*.egg-info
USER 1000
WORKDIR /home/ray
# It works, and has at hand what a first command makes: the demo patches, and the list of timm's models.
RUN raysat plan --space quickstart > /dev/null
ENV RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENTRYPOINT ["tini", "--"]
CMD ["raysat", "--help"]
