"""Pictures for the documents keep what they show, in few colours."""

from __future__ import annotations

import numpy as np
from PIL import Image

from Testing.support.page_pictures import with_palette


def test_greys_stay_grey_and_a_rare_colour_is_kept():
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    pixels = np.repeat(greys, 8, axis=0)
    pixels[3, 5] = (230, 159, 0)
    found = np.asarray(with_palette(Image.fromarray(pixels)).convert("RGB")).astype(int)
    assert np.abs(found[3, 5] - (230, 159, 0)).max() <= 8
    found[3, 5] = 5
    assert (np.ptp(found, axis=2) == 0).all()
    assert np.abs(found[:3] - pixels[:3].astype(int)).max() <= 2
