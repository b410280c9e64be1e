"""Settings all tests share: no deadlines on shared machines, small counts unless ECI_SOAK=1."""

import IPython.lib.pretty  # noqa: F401  hypothesis asks for it, while a service's thread may be importing it
from hypothesis import HealthCheck, settings

from tests.counts import EXAMPLES, SOAK

settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("soak", parent=settings.get_profile("house"), max_examples=EXAMPLES)
settings.load_profile("soak" if SOAK else "house")
