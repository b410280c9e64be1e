"""Models on other machines that propose annotations: the waist, the servers an owner configured, their adapters."""
