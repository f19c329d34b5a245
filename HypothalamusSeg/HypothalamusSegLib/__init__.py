"""Segmentation and volumetry of the hypothalamus and the intracranial volume on T1-weighted MRI.

The engine behind the Slicer panel, the command line, cohorts and the web page. It knows nothing of
its faces and imports only the standard library, numpy, SimpleITK and (inside functions) torch.
"""

__version__ = "0.2.0.dev0"
