"""A damaged certificate is refused by name, whichever part of it is read."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from eci_annotate.errors import EciError
from eci_annotate.workflow.trust.certificates import (
    Authority,
    check_certificate,
    common_name,
    der_of,
    mark_of,
    pem_of,
    public_pem,
)
from tests.counts import examples

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _refused(read: Callable[[], object]) -> bool:
    try:
        read()
    except EciError:
        return True
    return False


def test_no_changed_bit_gives_a_foreign_error() -> None:
    authority = Authority.found("An institution", NOW)
    good = der_of(authority.certificate)
    dice, refused = random.Random(3), 0
    for place in dice.sample(range(len(good)), min(len(good), examples(600, 10_000))):
        bad = bytearray(good)
        bad[place] ^= 1 << dice.randrange(8)
        for content in (bytes(bad), good[:place]):
            text = f"-----BEGIN CERTIFICATE-----\n{b64encode(content).decode()}\n-----END CERTIFICATE-----\n"
            for read in (common_name, mark_of, public_pem):
                refused += _refused(partial(read, text))
            refused += _refused(partial(check_certificate, text, [authority.certificate], NOW))
            refused += _refused(lambda content=content: common_name(pem_of(content)))  # type: ignore[misc]
    assert refused > 100
