"""From a data set to weight files; see Docs/TRAINING.md. Not part of the packaged product."""
