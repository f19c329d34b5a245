"""Images and grids in world space, and resampling of intensities and masks between them."""
