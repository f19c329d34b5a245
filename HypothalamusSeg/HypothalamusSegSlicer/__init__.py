"""The Slicer face of the engine: everything that touches slicer, qt or vtk."""
