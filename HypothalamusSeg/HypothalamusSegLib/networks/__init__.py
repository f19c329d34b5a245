"""The networks: architectures, weight files, and running an ensemble."""
