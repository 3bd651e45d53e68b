"""From the ledger to leaderboards; knows nothing of torch or ray."""
