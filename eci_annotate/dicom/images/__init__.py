"""DICOM images in: files, headers, slices in order, volumes."""
