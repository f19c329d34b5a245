"""The pipeline: from a scan to segmentations, volumes and quality flags.

Examples
--------
>>> from HypothalamusSegLib.options import Options
>>> from HypothalamusSegLib.reading import read_scan
>>> segmenter = Segmenter(Options(device="cpu"))  # doctest: +SKIP
>>> result = segmenter.segment(read_scan(Path("head.nii.gz")))  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from .errors import HeadNotFoundError
from .geometry.voxel_image import VoxelImage
from .machine.devices import (
    ACCELERATOR_ERRORS,
    CPU,
    DeviceFailure,
    choose_device,
    import_torch,
)
from .machine.memory import give_memory_back, name_lack_of_memory
from .machine.threads import use_threads
from .measures.intervals import add_intervals, read_intervals
from .measures.protocol import read_protocol
from .measures.quality import assess
from .measures.scan_flags import LOW_PLACE_CONFIDENCE, orientation_flag
from .measures.segmentation import Segmentation
from .measures.structures import label_images, labels_on_scan_grid, measure_structures
from .networks import weight_files
from .options import Options
from .progress import StageClock, Steps
from .provenance import describe_run
from .reading import Scan
from .stages.coarse import CoarseResult, find_head
from .stages.fine import FineResult, frame_regions, segment_in_frame, segment_region
from .stages.network_output import StageResults
from .stages.orientation import find_rotation, turn, turn_back

if TYPE_CHECKING:
    from torch import nn

    from .geometry.canonical_frame import CanonicalFrame

Result = TypeVar("Result")


def needed_networks(options: Options) -> tuple:
    """The options that determine which networks are loaded, and where."""
    return options.structures, options.folds, options.device, options.weights


class Segmenter:
    """The network ensembles, loaded once for any number of scans.

    Parameters
    ----------
    options : Options
    weights_folder : Path or None
        None: those of the options, or the weights included in the package.

    Raises
    ------
    WeightsError
        If weights are missing or damaged.
    TorchUnusableError
    """

    def __init__(self, options: Options, weights_folder: Path | None = None) -> None:
        import_torch()
        use_threads(options.threads)
        self.options = options
        self.device_failure: DeviceFailure | None = None
        folder = weights_folder or weight_files.weights_folder(options.weights)
        self.ensembles = weight_files.read_ensembles(folder, options.structures)
        self.intervals = read_intervals(folder)
        self.protocol = read_protocol(folder)
        self.device = choose_device(options.device)
        try:
            self.networks = self._networks_on(self.device)
        except ACCELERATOR_ERRORS as error:
            if self.device == CPU:
                raise
            self._go_on_with_the_cpu(error)

    def change_options(self, options: Options) -> None:
        """Use the loaded networks with other options; raises ValueError if they need others."""
        if needed_networks(options) != needed_networks(self.options):
            raise ValueError("These options need other networks")
        use_threads(options.threads)
        self.options = options

    def _networks_on(self, device: str) -> dict[str, list[nn.Module]]:
        hypothalamus = self.ensembles.get("hypothalamus")
        self.frame_network = hypothalamus and weight_files.load_frame_network(hypothalamus, device)
        return {
            name: weight_files.load_networks(ensemble, self.options.folds, device)
            for name, ensemble in self.ensembles.items()
        }

    def _go_on_with_the_cpu(self, error: Exception) -> None:
        """Switch to the CPU for good after an accelerator failed."""
        self.device_failure = DeviceFailure.of(self.device, error)
        # Reload from the files: weights on a failed device may be lost.
        self.device, self.networks = CPU, self._networks_on(CPU)

    def segment(self, scan: Scan, steps: Steps | None = None) -> Segmentation:
        """Segment one scan; if an accelerator fails, repeat on the CPU.

        After a failure, this object stays on the CPU. ``provenance["device_failure"]`` records it.

        Raises
        ------
        HeadNotFoundError
            If the scan shows no head.
        OutOfMemoryError
        """
        return self.segment_with_stages(scan, steps)[0]

    def segment_with_stages(
        self, scan: Scan, steps: Steps | None = None
    ) -> tuple[Segmentation, StageResults]:
        """Segment one scan as `segment` does; also returns what the networks found in it."""

        def segment() -> tuple[Segmentation, StageResults]:
            clock = StageClock(steps, len(self.options.folds))
            found = self.run_stages(scan.volume, clock)
            return self.measure(scan, found, clock), found

        return self._on_a_working_device(segment, scan.path)

    def segment_in_frame(self, volume: VoxelImage, frame: CanonicalFrame, path: Path) -> FineResult:
        """Run the fine stage alone, in a frame that the caller knows.

        Parameters
        ----------
        volume : VoxelImage
            With the head upright, as `StageResults` has it.
        frame : CanonicalFrame
            In the world space of ``volume``.
        path : Path
            Named if memory runs out.
        """

        def segment() -> FineResult:
            networks = self.networks["hypothalamus"]
            shape = self.ensembles["hypothalamus"].shape
            regions = frame_regions(volume, frame, shape)
            return segment_in_frame(regions, frame, True, networks, shape, self.device)

        return self._on_a_working_device(segment, path)

    def _on_a_working_device(self, work: Callable[[], Result], path: Path) -> Result:
        """Run a task; if an accelerator fails, repeat it on the CPU."""
        with name_lack_of_memory(path):
            try:
                return work()
            except ACCELERATOR_ERRORS as error:
                if self.device == CPU:
                    raise
                self._go_on_with_the_cpu(error)
            return work()

    def measure(
        self, scan: Scan, found: StageResults, clock: StageClock | None = None
    ) -> Segmentation:
        """Turn what the networks found in a scan into label maps, volumes and quality flags.

        Parameters
        ----------
        scan : Scan
        found : StageResults
            Of `run_stages`, for the same scan.
        clock : StageClock or None
            The one of `run_stages`, which has timed the stages before.
        """
        clock = clock or StageClock(None, len(self.options.folds))
        clock.begin("measure")
        options = self.options
        with_icv = "icv" in options.structures
        images = label_images(found, options.grid, with_icv, options.subunits, options.spread)
        volumes = measure_structures(found, images)
        flags = scan.flags
        if found.rotation is not None:
            flags = (*flags, orientation_flag(found.rotation))
            images = {name: turn_back(image, found.rotation) for name, image in images.items()}
        on_scan_grid = labels_on_scan_grid(found, images) if options.dicom else ()
        quality = assess(found.volume, flags, found.coarse, found.fine, volumes, self.protocol)
        volumes = add_intervals(volumes, self.intervals, quality.flags)
        clock.end()
        return Segmentation(
            scan=scan,
            hypothalamus=images.get("hypothalamus"),
            subunits=images.get("subunits"),
            icv=images.get("icv"),
            volumes=tuple(volumes),
            quality=quality,
            provenance=self._describe_run(scan, clock.seconds),
            stage_seconds=clock.seconds,
            on_scan_grid=on_scan_grid,
            protocol=self.protocol,
            spread=images.get("spread"),
        )

    def run_stages(self, volume: VoxelImage, clock: StageClock | None = None) -> StageResults:
        """Run only the networks, for callers that need posteriors."""
        clock = clock or StageClock(None, len(self.options.folds))
        on_fold = clock.begin("coarse")
        coarse, rotation = self._find_head(volume, on_fold)
        upright = volume if rotation is None else turn(volume, rotation)
        if "hypothalamus" not in self.options.structures:
            return StageResults(upright, rotation, coarse, None)
        give_memory_back()
        on_fold = clock.begin("fine")
        ensemble = self.ensembles["hypothalamus"]
        fine = segment_region(
            upright,
            coarse.place_mm,
            self.networks["hypothalamus"],
            ensemble.template,
            ensemble.shape,
            self.device,
            on_fold,
            self.frame_network,
        )
        return StageResults(upright, rotation, coarse, fine)

    def _find_head(
        self, volume: VoxelImage, on_fold: Callable[[int], None]
    ) -> tuple[CoarseResult, np.ndarray | None]:
        """Run the coarse stage; try other axis orientations if the header's shows no head."""
        networks = self.networks["icv"]
        border = self.networks.get(weight_files.ICV_BORDER, ())
        coarse, not_found = None, None
        try:
            coarse = find_head(volume, networks, self.device, on_fold, border)
        except HeadNotFoundError as error:
            not_found = error
        if coarse and coarse.place_confidence >= LOW_PLACE_CONFIDENCE:
            return coarse, None
        rotation = find_rotation(volume, networks[0], self.device)
        if rotation is not None:
            upright = turn(volume, rotation)
            return find_head(upright, networks, self.device, on_fold, border), rotation
        if not_found:
            raise not_found
        return coarse, None

    def _describe_run(self, scan: Scan, seconds: dict[str, float]) -> dict:
        failure = self.device_failure
        return describe_run(scan, self.options, self.ensembles, self.device, failure, seconds)
