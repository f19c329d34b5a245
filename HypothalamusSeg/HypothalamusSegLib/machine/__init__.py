"""The computer: devices, memory, processes, installed packages and the sample brain."""
