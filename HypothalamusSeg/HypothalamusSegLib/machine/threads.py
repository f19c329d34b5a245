"""Number of processor threads of torch and ITK.

Examples
--------
>>> use_threads(None)  # torch and ITK decide
"""

from __future__ import annotations

import SimpleITK as sitk

# Of torch and ITK, before `use_threads` first changed them.
_chosen_by_libraries: tuple[int, int] | None = None


def use_threads(count: int | None) -> None:
    """Let torch and ITK use this many threads.

    Parameters
    ----------
    count : int or None
        None: as many as they would use if this function had never been called with a number.
    """
    global _chosen_by_libraries
    import torch

    if count:
        if _chosen_by_libraries is None:
            itk_count = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
            _chosen_by_libraries = torch.get_num_threads(), itk_count
        torch_count, itk_count = count, count
    elif _chosen_by_libraries is not None:
        torch_count, itk_count = _chosen_by_libraries
    else:
        return
    torch.set_num_threads(torch_count)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(itk_count)
