"""How much noise and motion changes volumes, and whether the flag `noisy` is raised before that.

    python -m Training.scan_ruin SCAN [SCAN …] [--weights weights] [--docs Docs]

Each scan is ruined step by step: Rician noise, and ghosts of a head that nods while it is scanned.
Keeps the figures of each scan in Docs/validation/scan_ruin.json, writes the section of
Docs/VALIDATION.md, and prints every copy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from HypothalamusSegLib.geometry.voxel_image import VoxelImage
from HypothalamusSegLib.measures.scan_condition import (
    TISSUE_QUANTILE,
    air_brightness,
    ghost_brightness,
    noise_share,
)
from HypothalamusSegLib.measures.segmentation import Segmentation
from HypothalamusSegLib.networks import weight_files
from HypothalamusSegLib.options import Options
from HypothalamusSegLib.pipeline import Segmenter
from HypothalamusSegLib.reading import Scan, read_scan
from HypothalamusSegLib.stages.network_output import StageResults

from .report_tables import number, table
from .ruin_report import RUIN

NOISE_SHARES = (0.04, 0.07, 0.1, 0.15, 0.22)
MOTION_MM = (0.5, 1.0, 1.5, 2.5, 4.0)
# Nods per scan: breathing is faster, and a restless head slower.
NODS = 12
SEED = 17


def with_noise(volume: VoxelImage, sd: float) -> VoxelImage:
    """Add Rician noise; the standard deviation is that of each channel, in the unit of the scan."""
    random = np.random.default_rng(SEED)
    parts = [sd * random.standard_normal(volume.array.shape, np.float32) for _ in range(2)]
    return VoxelImage(np.hypot(volume.array + parts[0], parts[1]), volume.affine)


def with_motion(volume: VoxelImage, amplitude_mm: float) -> VoxelImage:
    """Simulate a head that nods, front to back, while the lines of k-space are acquired.

    Lines of k-space along the axis nearest to front–back are measured one after the other, so that
    a displacement by d turns the phase of the line k by 2π·k·d: ghosts along that axis.
    """
    axis = int(np.abs(volume.affine[1, :3] / volume.spacing_mm).argmax())
    count = volume.array.shape[axis]
    lines = np.fft.fftfreq(count)
    # Each line's time: from the lowest frequency to the highest.
    when = np.fft.ifftshift(np.arange(count)) / count
    moved_voxels = amplitude_mm / volume.spacing_mm[axis] * np.sin(2 * np.pi * NODS * when)
    turned = np.exp(-2j * np.pi * lines * moved_voxels).astype(np.complex64)
    shape = [1, 1, 1]
    shape[axis] = count
    spectrum = np.fft.fft(volume.array.astype(np.float32), axis=axis) * turned.reshape(shape)
    return VoxelImage(np.abs(np.fft.ifft(spectrum, axis=axis)).astype(np.float32), volume.affine)


def ruin_copies(volume: VoxelImage, tissue: float) -> dict[str, VoxelImage]:
    """Make degraded copies of a scan, weakest first; keys say what was done."""
    copies = {f"noise {s:g}": with_noise(volume, s * tissue) for s in NOISE_SHARES}
    return {**copies, **{f"motion {mm:g} mm": with_motion(volume, mm) for mm in MOTION_MM}}


def measure(segmenter: Segmenter, scan: Scan) -> dict[str, dict]:
    """Volumes, their change in per cent, and the condition of a scan and of its ruined copies."""
    stages = segmenter.run_stages(scan.volume)
    first = segmenter.measure(scan, stages)
    inside = scan.volume.array[first.icv.array > 0]
    tissue = float(np.quantile(inside, TISSUE_QUANTILE))
    rows = {"unchanged": _row(stages, first, first)}
    for name, volume in ruin_copies(scan.volume, tissue).items():
        copy = Scan(volume, scan.name, scan.path, "", ())
        stages = segmenter.run_stages(volume)
        rows[name] = _row(stages, segmenter.measure(copy, stages), first)
    return rows


def _row(stages: StageResults, found: Segmentation, first: Segmentation) -> dict:
    coarse = stages.coarse
    changes = {}
    for structure in ("icv", "hypothalamus_total"):
        now, then = (
            next(v.volume_mm3 for v in result.volumes if v.structure == structure)
            for result in (found, first)
        )
        changes[structure] = 100 * (now / then - 1)
    return {
        "change_percent": changes,
        "noise_share": noise_share(stages.volume, coarse),
        "air_brightness": air_brightness(coarse),
        "ghost_brightness": ghost_brightness(coarse),
        "flags": [flag.code for flag in found.quality.flags],
    }


def report(figures: dict[str, dict[str, dict]]) -> list[str]:
    """Write a table in Markdown, one row per copy."""
    body = [
        [
            scan,
            name,
            f"{row['change_percent']['icv']:+.1f}",
            f"{row['change_percent']['hypothalamus_total']:+.1f}",
            f"{row['noise_share']:.3f}",
            f"{row['air_brightness']:.3f}",
            number(row.get("ghost_brightness"), "{:.3f}"),
            ", ".join(row["flags"]) or "–",
        ]
        for scan, rows in figures.items()
        for name, row in rows.items()
    ]
    header = ["scan", "ruined by", "ICV %", "hypothalamus %", "noise", "air", "ghosts", "flags"]
    return table(header, body)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m Training.scan_ruin", description=__doc__)
    parser.add_argument("scans", nargs="+", type=Path, help="whole heads, any readable format")
    parser.add_argument("--weights", type=Path, default=weight_files.default_weights_folder())
    parser.add_argument("--docs", type=Path, default=Path("Docs"))
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    segmenter = Segmenter(Options(device="cpu", threads=options.threads), options.weights)
    for path in options.scans:
        RUIN.keep(options.docs, {path.name: measure(segmenter, read_scan(path))})
    print("\n".join(report(RUIN.read(options.docs))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
