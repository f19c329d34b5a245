"""Read and check input scans. One module per format; the entry point is `read_scan`."""

from .scan import Scan, read_label_map, read_scan

__all__ = ["Scan", "read_label_map", "read_scan"]
