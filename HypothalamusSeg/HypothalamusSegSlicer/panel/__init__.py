"""The module's panel: its sections, states and settings."""
