"""A run of the engine for one volume: from Apply to nodes in the scene."""
