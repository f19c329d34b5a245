"""The web page: use the engine from any device with a browser, without installation."""
