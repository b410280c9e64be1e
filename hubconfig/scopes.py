"""Permissions towards the hub and the service: custom scopes, roles, and the scopes of a kernel's token.

Permissions on subjects are not defined here: the service derives them from the project's members.
"""

from __future__ import annotations

from typing import Any

SERVICE = "eci"
ACCESS = f"access:services!service={SERVICE}"
PERSON, LEASES, METRICS = "custom:eci:person", "custom:eci:leases", "custom:eci:metrics"
CUSTOM: dict[str, dict[str, Any]] = {
    PERSON: {"description": "Act as a person in a browser: sign, confirm, administrate. No kernel's token has it."},
    LEASES: {"description": "See who holds a lease, to leave their servers running."},
    METRICS: {"description": "Read the service's metrics."},
}
# Never `inherit` or `self`: every notebook can use these scopes without the user.
SERVER_TOKEN = ["users:activity!user", "access:servers!server", ACCESS]
ROLES: list[dict[str, Any]] = [
    {"name": "user", "scopes": ["self", ACCESS, PERSON]},
    {
        "name": "eci-service",
        "services": [SERVICE],
        "scopes": [
            "list:users",
            "read:users:name",
            "read:users:groups",
            "read:users:activity",
            "users:activity",
            "read:servers",
        ],
    },
    {
        "name": "eci-culler",
        "services": ["culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers", ACCESS, LEASES],
    },
]
