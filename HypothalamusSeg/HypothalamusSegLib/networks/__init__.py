"""The networks: their architectures, their weight files, and how an ensemble is run."""
