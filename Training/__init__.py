"""From a data set to ten weight files; see Docs/TRAINING.md. Not part of the packaged product."""
