"""The Slicer face of the engine: all code that uses slicer, qt or vtk."""
