"""Provenance: what made a result, and from which file.

Examples
--------
>>> from HypothalamusSegLib.networks.weight_files import default_weights_folder, read_ensembles
>>> ensembles = read_ensembles(default_weights_folder(), ("icv",))
>>> sorted(checksums_of(ensembles, folds=(0,)))
['icv_border_fold0', 'icv_fold0']
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping

from . import __version__
from .machine.devices import DeviceFailure, arithmetic_of
from .machine.memory import peak_memory_mb
from .networks.weight_files import Ensemble
from .options import Options
from .reading import Scan


def checksums_of(ensembles: Mapping[str, Ensemble], folds: Collection[int]) -> dict[str, str]:
    """Collect the SHA-256 of every weight file that these folds use."""
    checksums = {
        f"{name}_fold{fold.fold}": fold.sha256
        for name, ensemble in ensembles.items()
        for fold in ensemble.folds
        if fold.fold in folds
    }
    hypothalamus = ensembles.get("hypothalamus")
    if hypothalamus and hypothalamus.frame:
        checksums["hypothalamus_frame"] = hypothalamus.frame.sha256
    return checksums


def describe_run(
    scan: Scan,
    options: Options,
    ensembles: Mapping[str, Ensemble],
    device: str,
    device_failure: DeviceFailure | None,
    seconds: Mapping[str, float],
) -> dict:
    """Describe one run, as ``provenance`` in the JSON file has it (Docs/COMMAND_LINE.md).

    Parameters
    ----------
    scan : Scan
    options : Options
    ensembles : mapping of str to Ensemble
        By name, as they were loaded.
    device : str
        Where the networks ran.
    device_failure : DeviceFailure or None
        Why they did not run where they should.
    seconds : mapping of str to float
        Duration of each stage.
    """
    import torch

    return {
        "version": __version__,
        "weights_sha256": checksums_of(ensembles, options.folds),
        "input": scan.path.name,
        "input_sha256": scan.sha256,
        "options": {
            "structures": list(options.structures),
            "subunits": options.subunits,
            "grid": options.grid,
            "folds": list(options.folds),
        },
        "device": device,
        "device_failure": device_failure and device_failure.as_json(),
        "arithmetic": arithmetic_of(device),
        "threads": torch.get_num_threads(),
        # Not its own type, or whoever receives the result from a worker must import torch.
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "seconds": round(sum(seconds.values()), 2),
        "peak_memory_mb": peak_memory_mb(),
        "steps": {name: round(value, 3) for name, value in seconds.items()},
    }
