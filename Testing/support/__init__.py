"""What several tests share: scans, processes, servers, and the stand-in for Slicer."""
