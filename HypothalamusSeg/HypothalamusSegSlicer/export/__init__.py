"""A result written to a folder: files, report and training case."""
