"""What is measured on a segmentation: volumes, their intervals, and quality flags."""
