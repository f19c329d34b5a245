"""The web page: a face of the engine for any device with a browser, nothing to install there."""
