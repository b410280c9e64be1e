"""Phases told by the contrast agent in the header and the order of series."""

from __future__ import annotations

from typing import Any

import pytest

from eci_annotate.workflow.series.series_facts import facts_among

CT: dict[str, Any] = {"Modality": "CT", "SliceThickness": 5.0, "ConvolutionKernel": "B30f", "slices": 60}
MR: dict[str, Any] = {"Modality": "MR", "SliceThickness": 3.0, "EchoTime": 1.4, "RepetitionTime": 4.0, "slices": 80}
MR["ImageOrientationPatient"] = CT["ImageOrientationPatient"] = [1, 0, 0, 0, 1, 0]


def study(kind: dict[str, Any], *agents: str, **changes: dict[int, Any]) -> list[dict[str, Any]]:
    """Return headers of series in order, those with an agent after those without; changes by element and place."""
    headers = [
        kind | {"series_uid": str(n), "SeriesNumber": n} | ({"ContrastBolusAgent": agent} if agent else {})
        for n, agent in enumerate(agents)
    ]
    for element, values in changes.items():
        for place, value in values.items():
            headers[place][element] = value
    return headers


def phases(headers: list[dict[str, Any]]) -> list[str]:
    """Return phase, or place in a dynamic series, of each."""
    return [each.get("phase") or each.get("dynamic_position", "") for each in facts_among(headers)]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (study(CT, "", "y", "y", "y"), ["native", "arterial", "portal", "late"]),
        (study(MR, "", "y", "y", "y"), ["1", "2", "3", "4"]),
        (study(CT, "", "y"), ["native", ""]),
        (study(CT, "", "y", "y"), ["native", "", ""]),
        (study(CT, "", "y", "y", SeriesDescription={2: "Liver pv"}), ["native", "arterial", "portal"]),
        (study(CT, "", "y", "y", SeriesDescription={1: "Liver art"}), ["native", "arterial", ""]),
        # the element tells nothing: absent from two, from none, or from a later one
        (study(CT, "", "", "y", "y", "y"), [""] * 5),
        (study(CT, "y", "y", "y", "y"), [""] * 4),
        (study(CT, "", "y", "", "y"), [""] * 4),
        # words contradict
        (study(CT, "", "y", "y", "y", SeriesDescription={1: "Liver nativ"}), ["", "native", "", ""]),
        (study(CT, "", "y", "y", "y", SeriesDescription={2: "Liver late"}), ["native", "", "late", ""]),
        # another part of the body, another acquisition, a reformat between them
        (study(CT, "", "y", "y", "y", slices={3: 200}), ["native", "", "", ""]),
        (study(CT, "", "y", "y", "y", SliceThickness={1: 1.0}), [""] * 4),
        (study(CT, "", "y", "y", "y", ImageType={2: ["DERIVED"]}), ["native", "", "", ""]),
        (study(MR, "", "y", "y", "y", "y"), ["1", "", "", "", ""]),
        # two arterial phases by their times, a last one 20 minutes after
        (study(MR, "", "y", "y", "y", AcquisitionTime={1: "100000", 2: "100012", 3: "100100"}), ["1", "", "", ""]),
        (study(MR, "", "y", "y", "y", AcquisitionTime={1: "100000", 2: "100040", 3: "102000"}), ["1", "", "", ""]),
        (study(MR, "", "y", "y", "y", AcquisitionTime={1: "100000", 2: "100040", 3: "100300"}), ["1", "2", "3", "4"]),
    ],
)
def test_the_agent_names_phases_only_where_it_tells_them_apart(headers: list[dict[str, Any]], found: list[str]) -> None:
    assert phases(headers) == found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Liver AP 3.0", "Liver PP 3.0"], ["arterial", "portal"]),
        (["AP_3mm", "Abd_PP_5mm"], ["arterial", "portal"]),
        (["A-N", "A-HA", "A-PV"], ["native", "arterial", "portal"]),
        (["CT AP 5mm", "CT nativ 5mm"], ["", "native"]),  # abdomen and pelvis
        (["CT AP 5mm", "CT delay 5mm"], ["", "late"]),
        (["Abd A", "Abd B", "Abd portal"], ["", "", "portal"]),
        (["Liver DELAY 40S", "Liver DELAY 80S", "Liver DELAY 180S"], ["arterial", "portal", "late"]),
        (["Liver 50s", "Liver TT=22.4s", "Liver 1 min 10", "Liver 8 min"], ["", "arterial", "portal", "late"]),
    ],
)
def test_letters_and_delays_name_phases_together(names: list[str], found: list[str]) -> None:
    headers = [{"Modality": "CT", "SeriesDescription": name, "series_uid": name} for name in names]
    assert phases(headers) == found
