"""Whose outlines the networks draw: the published protocol, and adapted ones that were added."""
