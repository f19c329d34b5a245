"""The stages of a segmentation, from the whole head to the ten subunits."""
