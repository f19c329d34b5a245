"""Output of a segmentation: files, pictures and the one-page report."""
