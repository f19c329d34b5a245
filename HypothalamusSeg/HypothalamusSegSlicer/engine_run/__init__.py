"""Run the engine for one volume: from Apply to nodes in the scene."""
