"""What identifies the patient, and where it is found in an object."""
