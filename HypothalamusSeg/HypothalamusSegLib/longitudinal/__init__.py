"""Several scans of one person, measured in one frame."""
