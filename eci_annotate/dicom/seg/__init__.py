"""DICOM segmentations (PS3.3 A.51, A.91): read any maker's, write with highdicom."""
