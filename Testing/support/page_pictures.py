"""Pictures of the page for the documents: small files, scans without tints."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.spatial import KDTree


def with_palette(image: Image.Image) -> Image.Image:
    """128 greys and 128 colours keep the repository small and scans free of tints."""
    pixels = np.asarray(image)
    coloured = np.ptp(pixels.astype(int), axis=2) > 25
    few = np.unique(pixels[coloured], axis=0)  # each colour once, however rare
    found = np.asarray(Image.fromarray(few[None]).quantize(128).convert("RGB"))
    colours = np.unique(found[0], axis=0)
    greys = np.repeat(np.linspace(0, 255, 128).round().astype(np.uint8)[:, None], 3, axis=1)
    # Pillow's own search is approximate and paints some greys green.
    indices = KDTree(greys).query(pixels)[1]
    indices[coloured] = 128 + KDTree(colours).query(pixels[coloured])[1]
    small = Image.fromarray(indices.astype(np.uint8), "P")
    small.putpalette([*greys.ravel().tolist(), *colours.ravel().tolist()])
    return small
