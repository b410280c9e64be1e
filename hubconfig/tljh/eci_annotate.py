"""For The Littlest JupyterHub: put this into /opt/tljh/config/jupyterhub_config.d/, and reload the hub.

It uses the configuration of the checkout in /opt/eci_annotate; settings are in /opt/tljh/config/eci.yaml.
TLJH's own traefik stays the proxy: it must route *.NAME as well as NAME, with TLS (see docs/hub.md).
"""

import os
from pathlib import Path

CHECKOUT = Path(os.environ.get("ECI_CHECKOUT", "/opt/eci_annotate"))
SETTINGS = Path(os.environ.get("ECI_HUB_CONFIG", "/opt/tljh/config/eci.yaml"))
os.environ["ECI_HUB_CONFIG"] = str(SETTINGS)
# Traefik does not support unix sockets: the internal ports are below 1024, where no user can listen. Its own port is
# 443.
for name, value in {"SOCKETS": "0", "INNER": "901", "PORT": "443"}.items():
    os.environ.setdefault(f"ECI_HUB_{name}", value)
c = get_config()  # type: ignore[name-defined]  # noqa: F821
kept = {name: getattr(c.JupyterHub, name) for name in ("proxy_class", "bind_url") if name in c.JupyterHub}
load_subconfig(str(CHECKOUT / "hubconfig" / "jupyterhub_config.py"))  # type: ignore[name-defined]  # noqa: F821
for name, value in kept.items():
    setattr(c.JupyterHub, name, value)
