"""Import torch in a separate thread while the first scan is read.

Examples
--------
>>> torch = EarlyTorch()  # the import goes on while the scan is read
>>> torch.wait()
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from .devices import import_torch


class EarlyTorch:
    """Starts importing torch when created."""

    def __init__(self) -> None:
        thread = ThreadPoolExecutor(1, "import torch")
        self._torch: Future = thread.submit(import_torch)
        thread.shutdown(wait=False)

    def wait(self) -> None:
        """Wait until torch has been imported.

        Raises
        ------
        TorchUnusableError, OutOfMemoryError
            The error of the import; a second import in the same process gives misleading errors.
        """
        self._torch.result()
