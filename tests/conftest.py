"""Settings all tests share: no deadlines on shared machines, small counts unless ECI_SOAK=1."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("soak", parent=settings.get_profile("house"), max_examples=5000)
settings.load_profile("soak" if os.environ.get("ECI_SOAK") else "house")
