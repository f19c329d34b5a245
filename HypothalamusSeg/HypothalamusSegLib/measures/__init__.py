"""Measurements on a segmentation: volumes, intervals and quality flags."""
