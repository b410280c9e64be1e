"""De-identification after DICOM PS3.15 Annex E: a policy, a secret of the site, and datasets in and out.

The ground floor: imports nothing of this package but its errors.
"""
