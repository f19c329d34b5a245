"""Images and grids in world space: what a place is, and how intensities and masks move there."""
