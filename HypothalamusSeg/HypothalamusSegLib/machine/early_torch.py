"""The import of torch in a thread of its own, while the first scan is read."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from .devices import import_torch


class EarlyTorch:
    """Begins to import torch when it is made."""

    def __init__(self) -> None:
        thread = ThreadPoolExecutor(1, "import torch")
        self._torch: Future = thread.submit(import_torch)
        thread.shutdown(wait=False)

    def wait(self) -> None:
        """Come back when torch is there.

        Raises
        ------
        TorchUnusableError, OutOfMemoryError
            What the import failed with; a second try in the same process would tell nonsense.
        """
        self._torch.result()
