"""What is written of a segmentation: files, pictures and the one-page report."""
