"""What a model proposes as JSON: only the block that contains it, its bits compressed."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from eci_annotate.errors import BadRequest
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.repository.assistants.protocol import Proposed


def proposed_to_wire(found: Proposed) -> dict[str, Any]:
    """Return a proposal as JSON."""
    where = bounding_box(found.mask)
    bits = zlib.compress(np.packbits(found.mask[where]).tobytes(), 1)
    return {
        "source": found.source,
        "shape": list(found.mask.shape),
        "where": [[each.start, each.stop] for each in where],
        "bits": base64.b64encode(bits).decode(),
    }


def proposed_from_wire(body: dict[str, Any]) -> Proposed:
    """Return a proposal from JSON; BadRequest if it is none."""
    try:
        mask = np.zeros(body["shape"], bool)
        k, j, i = (slice(a, b) for a, b in body["where"])
        block = mask[k, j, i]
        bits = np.frombuffer(zlib.decompress(base64.b64decode(body["bits"])), np.uint8)
        block[:] = np.unpackbits(bits, count=block.size).reshape(block.shape).astype(bool)
        return Proposed(str(body["source"]), mask)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise BadRequest("The service's answer is no proposal.", "Use a client of the same release.") from error
