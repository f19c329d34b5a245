"""How the threads of torch and numpy wait for one another.

Both libraries by default let a thread that waits compute in a loop for some milliseconds. Where
something else wants the processors, such as Slicer's views or a second run, the loops take them
from the threads that are waited for: on two busy cores a scan took three to five times as long.

Examples
--------
>>> import os
>>> let_waiting_threads_sleep()
>>> "OMP_WAIT_POLICY" in os.environ
True
"""

from __future__ import annotations

import os

# OpenMP is what torch computes with, OpenBLAS what numpy multiplies matrices with. The second value
# is the binary logarithm of processor cycles; 4 is the least that OpenBLAS takes.
SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}


def let_waiting_threads_sleep() -> None:
    """Let threads that wait sleep, in this process and in those that it starts.

    Each library reads its setting when it is loaded, so call this before. What the user has set in
    the environment is kept.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
