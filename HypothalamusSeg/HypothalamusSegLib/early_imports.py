"""Slow imports in a thread of their own, while the first scan is read and the networks begin."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from .devices import import_torch


class EarlyImports:
    """Imports torch, then, if a picture will be drawn, matplotlib.

    Parameters
    ----------
    with_pictures : bool
    """

    def __init__(self, with_pictures: bool) -> None:
        # One thread: two imports at once would only wait for each other.
        with_one_thread = ThreadPoolExecutor(1, "early imports")
        self._torch: Future = with_one_thread.submit(import_torch)
        if with_pictures:
            with_one_thread.submit(_import_matplotlib)
        with_one_thread.shutdown(wait=False)

    def wait_for_torch(self) -> None:
        """Come back when torch is there.

        Raises
        ------
        TorchUnusableError, OutOfMemoryError
            What the import failed with; a second try in the same process would tell nonsense.
        """
        self._torch.result()


def _import_matplotlib() -> None:
    # What this raises is lost with its Future; drawing raises it again, where it can be told.
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    import matplotlib.patheffects  # noqa: F401
