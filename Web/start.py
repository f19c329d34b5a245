"""A start without garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect no garbage meanwhile, and never look again at what there is afterward.

    Gradio and all that it imports make 300,000 objects that stay. Looking through them took a
    quarter of the import, and 0.15 s now and then later, in which no visitor was answered.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
