"""Reading and checking of input scans, one file a format; `read_scan` is the way in."""

from .scan import Scan, read_scan

__all__ = ["Scan", "read_scan"]
