"""Agreement of two runs over the same scans."""
