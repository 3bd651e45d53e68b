"""What the Grafana board shows: its panels, row by row, with the expressions that give their curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel, with what its curves are called by the expression that gives them."""

    title: str
    about: str
    unit: str  # Grafana's name of it
    queries: dict[str, str]
    width: int = 8
    is_number: bool = False  # the last values, in place of curves
    most: float | None = None


def now(metric: str, by: str, *labels: str) -> str:
    """A gauge of the chosen studies, once, whatever labels Ray adds."""
    chosen = ", ".join(('study=~"$study"', *labels))
    return f"max by ({by}) (ray_raysat_{metric}{{{chosen}}})"


def rate(metric: str, by: str) -> str:
    """What a counter of the chosen studies grows by in a second."""
    return f'sum by ({by}) (rate(ray_raysat_{metric}{{study=~"$study"}}[$__rate_interval]))'


TRIAL: Final = "{{study}}: {{arm}} {{seed}}"
ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Runs": (
        Panel(
            title="Trials",
            about="By state, generators included; missing: not begun.",
            unit="short",
            queries={now("trials", "study, state"): "{{study}}: {{state}}"},
            width=12,
            is_number=True,
        ),
        Panel(
            title="Time left",
            about="As raysat status says it.",
            unit="s",
            queries={now("seconds_left", "study"): "{{study}}"},
            width=6,
            is_number=True,
        ),
        Panel(
            title="Since the last progress",
            about="Since a trial of the run last began, ended or finished an epoch. RaysatNoProgress fires at an hour.",
            unit="s",
            queries={f"time() - {now('progress_time_seconds', 'study')}": "{{study}}"},
            width=6,
            is_number=True,
        ),
        Panel(
            title="Trials that have ended",
            about="Done, those of earlier runs included, failed, and stopped early by a search.",
            unit="short",
            queries={now("trials", "study, state", 'state=~"done|failed|stopped"'): "{{study}}: {{state}}"},
        ),
        Panel(
            title="Jobs",
            about="Running, waiting for nodes, and for how many the nodes have room.",
            unit="short",
            queries={
                now("jobs", "study, state"): "{{study}}: {{state}}",
                now("slots", "study"): "{{study}}: room",
            },
        ),
        Panel(
            title="Retries and lost nodes",
            about="In this run. Retries: jobs tried again since their worker had died by itself.",
            unit="short",
            queries={
                now("retries", "study"): "{{study}}: retries",
                now("lost_nodes", "study"): "{{study}}: lost nodes",
            },
        ),
    ),
    "Training": (
        Panel(
            title="Images per second",
            about="Of all that a study trains and generates, augmented views included.",
            unit="short",
            queries={rate("images_total", "study, kind"): "{{study}}: {{kind}}"},
        ),
        Panel(
            title="Images per second of each trial",
            about="In the last half minute, evaluation and saving included.",
            unit="short",
            queries={now("images_per_second", "study, arm, seed"): TRIAL},
        ),
        Panel(
            title="Epochs of each trial",
            about="Done so far, those from a checkpoint included; without generators, which count steps.",
            unit="short",
            queries={now("trial_epochs", "study, arm, seed", 'seed!=""'): TRIAL},
        ),
        Panel(
            title="Training loss",
            about="Mean of the last epoch of each trial that runs.",
            unit="short",
            queries={now("training_loss", "study, arm, seed"): TRIAL},
        ),
        Panel(
            title="Balanced accuracy",
            about="On the validation split, after the last epoch of each trial that runs.",
            unit="percentunit",
            queries={now("balanced_accuracy", "study, arm, seed"): TRIAL},
            most=1,
        ),
        Panel(
            title="Epochs per minute",
            about="Epochs trained; those that trials share count once.",
            unit="short",
            queries={f"60 * {rate('epochs_total', 'study')}": "{{study}}"},
        ),
        Panel(
            title="Since the last progress of each trial",
            about="Since its last epoch, or its start. RaysatTrialStalled fires at half an hour, if no step was taken.",
            unit="s",
            queries={f"time() - {now('trial_progress_time_seconds', 'study, arm, seed')}": TRIAL},
        ),
        Panel(
            title="Seconds of a checkpoint",
            about="What it took to write one, beside the training; of half of them, and of nearly all.",
            unit="s",
            queries={
                f"histogram_quantile({part}, {rate('checkpoint_seconds_bucket', 'le')})": f"{round(part * 100)} %"
                for part in (0.5, 0.95)
            },
        ),
        Panel(
            title="Bytes of checkpoints per second",
            about="As they are written, on all nodes.",
            unit="Bps",
            queries={rate("checkpoint_bytes_total", "study"): "{{study}}"},
        ),
    ),
    "GPUs": (
        Panel(
            title="GPUs reserved",
            about="By raysat's workers at work, of each node: 0.25 is a quarter of one. Nothing on CPUs.",
            unit="short",
            queries={'sum by (NodeAddress) (ray_raysat_gpu_share{study=~"$study"})': "{{NodeAddress}}"},
        ),
        Panel(
            title="GPU memory of raysat",
            about="That PyTorch holds in raysat's workers, of each node. Nothing on CPUs.",
            unit="bytes",
            queries={'sum by (NodeAddress) (ray_raysat_gpu_memory_bytes{study=~"$study"})': "{{NodeAddress}}"},
        ),
        Panel(
            title="GPU utilisation",
            about="Of each card, as Ray's agent sees it, whoever uses it. Nothing on CPUs.",
            unit="percent",
            queries={"max by (ip, GpuIndex) (ray_node_gpus_utilization)": "{{ip}}: {{GpuIndex}}"},
            most=100,
        ),
    ),
    "Nodes": (
        Panel(
            title="Nodes",
            about="Alive, the head included.",
            unit="short",
            queries={now("nodes", "study"): "{{study}}"},
        ),
        Panel(
            title="CPU",
            about="Of each node.",
            unit="percent",
            queries={"max by (ip) (ray_node_cpu_utilization)": "{{ip}}"},
            most=100,
        ),
        Panel(
            title="Memory",
            about="Used, of each node.",
            unit="percentunit",
            queries={"max by (ip) (ray_node_mem_used) / max by (ip) (ray_node_mem_total)": "{{ip}}"},
            most=1,
        ),
        Panel(
            title="Disk",
            about="Used, of each node. RaysatDiskNearlyFull fires at 90 %; Ray starts no workers at 95 %.",
            unit="percentunit",
            queries={
                "max by (ip) (ray_node_disk_usage / (ray_node_disk_usage + ray_node_disk_free))": "{{ip}}",
            },
            most=1,
        ),
        Panel(
            title="Object store",
            about="Used, of each node: checkpoints and records on their way to the driver's disk.",
            unit="bytes",
            queries={"sum by (NodeAddress) (ray_object_store_used_memory)": "{{NodeAddress}}"},
        ),
        Panel(
            title="Network",
            about="Received by each node, per second.",
            unit="Bps",
            queries={"max by (ip) (ray_node_network_receive_speed)": "{{ip}}"},
        ),
    ),
}
