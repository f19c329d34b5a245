"""The group level: participants joined to volumes, adjusted for ICV, compared."""
