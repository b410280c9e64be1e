"""Many studies at once: de-identify, convert to NIfTI, and put them in one order of folders."""
