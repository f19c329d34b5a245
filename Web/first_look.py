"""Check whether a scan looks T1-weighted before it is segmented.

One of the coarse networks segments the head at 2 mm, and the rule of the engine's flag is applied
to the result.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from HypothalamusSegLib.errors import HeadNotFoundError, HypothalamusSegError
from HypothalamusSegLib.flags import Flag
from HypothalamusSegLib.geometry.voxel_image import VoxelImage

# The flags for which one network, without border correction, gives the same result as all.
TOLD_EARLY = ("not_t1_like",)
log = logging.getLogger("hypothalamus_seg.web.look")


def first_look() -> Callable[[VoxelImage], Sequence[Flag]]:
    """Create the check; the network is loaded when it is first needed."""
    networks: list = []

    def look(volume: VoxelImage) -> Sequence[Flag]:
        from HypothalamusSegLib.measures.scan_flags import head_flags
        from HypothalamusSegLib.stages.coarse import find_head

        try:
            if not networks:
                networks.extend(_one_network())
            coarse = find_head(volume, networks, "cpu")
        except HeadNotFoundError:
            # The orientation may contradict the header; the engine checks that later.
            return ()
        except (HypothalamusSegError, MemoryError, RuntimeError) as error:
            # Out of memory in torch is a RuntimeError. If it matters, segmentation will report it.
            log.warning("First look failed: %r", error)
            return ()
        return [flag for flag in head_flags(volume, coarse) if flag.code in TOLD_EARLY]

    return look


def _one_network() -> list:
    from HypothalamusSegLib.machine.devices import import_torch
    from HypothalamusSegLib.networks.weight_files import (
        default_weights_folder,
        load_networks,
        read_ensembles,
    )

    import_torch().set_num_threads(1)
    ensemble = read_ensembles(default_weights_folder(), ("icv",))["icv"]
    return load_networks(ensemble, [ensemble.folds[0].fold], "cpu")
