"""A parsl configuration for a cluster with SLURM.

Copy it, change what is marked, and run

    hypothalamus-seg cohort BIDS_DIR OUT participant --executor parsl --parsl-config my_slurm.py

on the login node (in tmux or screen: this program only submits jobs and keeps the index). BIDS_DIR
and OUT must lie on a file system that the nodes see under the same paths, and this package must be
installed in an environment that they see.

parsl submits up to MOST_JOBS jobs of one node each, runs WORKERS_PER_NODE processes in a job, sends
each one scan after the other, and ends the jobs when nothing is left. A job that meets its time
limit loses the scans that it was at; they are reported as failed and done by the next run of the
same command. Documentation: https://parsl.readthedocs.io, "Configuration".
"""

import parsl
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SrunLauncher
from parsl.providers import SlurmProvider

# --- Change these -------------------------------------------------------------------------------
PARTITION = "general"
ACCOUNT = None  # the account to charge, if your cluster needs one
WALL_TIME = "04:00:00"
MOST_JOBS = 10
WORKERS_PER_NODE = 16  # one thread each (--threads 1, the default with parsl)
MEMORY_PER_WORKER_GB = 1.5
# How a shell on a node gets the environment in which this package is installed.
ENVIRONMENT = "source $HOME/hypothalamus-seg/bin/activate"
# ------------------------------------------------------------------------------------------------

config = parsl.Config(
    # parsl's own logs; OUT keeps the cohort's.
    run_dir="parsl-runinfo",
    executors=[
        HighThroughputExecutor(
            label="slurm",
            max_workers_per_node=WORKERS_PER_NODE,
            # A scan is never fetched before its worker is free: a killed job loses no more.
            prefetch_capacity=0,
            provider=SlurmProvider(
                partition=PARTITION,
                account=ACCOUNT,
                nodes_per_block=1,
                cores_per_node=WORKERS_PER_NODE,
                mem_per_node=round(WORKERS_PER_NODE * MEMORY_PER_WORKER_GB),
                init_blocks=1,
                min_blocks=0,
                max_blocks=MOST_JOBS,
                walltime=WALL_TIME,
                worker_init=ENVIRONMENT,
                launcher=SrunLauncher(),
            ),
        )
    ],
    # A lost node's scans are tried once more on another.
    retries=1,
)
