"""Networks that stay loaded from one run to the next.

Examples
--------
>>> from HypothalamusSegLib.options import Options
>>> networks = LoadedNetworks()
>>> icv = Options(structures=("icv",), folds=(0,), device="cpu")
>>> networks.segmenter(icv) is networks.segmenter(icv)
True
"""

from __future__ import annotations

from .machine.early_torch import EarlyTorch
from .networks.weight_files import manifest_state
from .options import Options
from .pipeline import Segmenter, needed_networks


class LoadedNetworks:
    """Loads networks when they are first needed, and again when other options need others.

    A folder of weights that was rewritten or has gone counts as another one, too.

    The import of torch starts when this object is made.
    """

    def __init__(self) -> None:
        self._torch = EarlyTorch()
        self._segmenter: Segmenter | None = None
        self._manifest: tuple | None = None

    def segmenter(self, options: Options) -> Segmenter:
        """Give the networks for these options.

        Raises
        ------
        WeightsError
        TorchUnusableError, OutOfMemoryError
        """
        self._torch.wait()
        loaded, self._segmenter = self._segmenter, None
        before, self._manifest = self._manifest, manifest_state(options.weights)
        is_other = before != self._manifest or loaded is None
        if is_other or needed_networks(loaded.options) != needed_networks(options):
            del loaded  # two sets of networks need twice the memory
            loaded = Segmenter(options)
        else:
            loaded.change_options(options)
        self._segmenter = loaded
        return loaded
