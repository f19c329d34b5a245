"""A result as DICOM objects: segmentation, measurement report and picture."""
