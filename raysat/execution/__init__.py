"""Ray Tune and Ray Train around the plan; the only importer of ray."""

import os
from typing import Final

# Ray reads these when it is imported, and its actors when they start; what the user has set stays.
ENVIRONMENT: Final = {
    "RAY_AIR_NEW_OUTPUT": "0",  # Tune's own tables: ours replace them
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "900",  # an autoscaler needs minutes for a node
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",  # what is tried again, raysat decides
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger keeps results
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # never restored: the ledger says what is done
    "TUNE_FORCE_TRIAL_CLEANUP_S": "10",  # a stopped slot has nothing to save
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a failed trial has no balanced accuracy
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",  # how many jobs are handed out, raysat decides
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "0",
    "RAY_worker_maximum_startup_concurrency": "16",  # a slot has a handful of processes: Ray would warn of them
}
for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
