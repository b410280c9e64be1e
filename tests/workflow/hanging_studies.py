"""Studies as scanners of several vendors and languages describe them, with the slot where each series belongs.

A slot of "" is a series that belongs nowhere in particular; "-" is one that must not be placed in any named slot.
"""

from __future__ import annotations

import random
from typing import Any

Row = tuple[str, dict[str, Any]]  # description, elements
AX, SAG, COR = [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]
OBL = [1, 0, 0, 0, 0.82, -0.57]

# liver and abdomen in CT: by slot, descriptions of several hospitals
CT: dict[str, list[str]] = {
    "native": [
        "Abdomen nativ 3.0",
        "AX NON CONTRAST",
        "W/O CONTRAST 5mm",
        "Abd. ohne KM",
        "ABDO SANS IV",
        "Abdomen sin contraste",
        "Basale senza mdc",
        "LIVER PRE CONTRAST 2.5",
        "Buk utan kontrast nativ",
        "NCECT Abdomen",
        "Abdomen blanco 3mm",
    ],
    "arterial": [
        "Leber art. 2.0 B30f",
        "ARTERIAL PHASE 1.25mm",
        "Abd Arterielle Phase",
        "FASE ARTERIAL",
        "Temps artériel",
        "Fase arteriosa",
        "AX LATE ARTERIAL",
        "Oberbauch art 35s",
        "ART 3.0 I31f",
        "Arteriell fas 3mm",
        "HAP Liver",
    ],
    "portal": [
        "Leber venös 3.0 B30f",
        "PORTAL VENOUS 2.5mm",
        "Abd. portalvenös 70s",
        "FASE PORTAL",
        "Temps portal",
        "Fase venosa portale",
        "AX PV 3mm",
        "Abdomen pv 5.0",
        "Venous phase 70 sec",
        "Portovenös fas",
        "PVP LIVER 3.0",
    ],
    "late": [
        "Leber spät 5.0",
        "DELAYED 5 MIN",
        "Spätphase 180s",
        "FASE TARDIA",
        "Temps tardif",
        "Equilibrium phase",
        "DELAY 3MIN AX",
        "Late phase",
    ],
}
CT_NOISE = [
    "Topogramm 0.6 T20f",
    "Scout",
    "SURVIEW",
    "Thorax Lunge 1.0 B70f",
    "CHEST LUNG 1.25",
    "Patient Protocol",
    "MIP thick",
    "Dose Report",
]
MR: dict[str, list[Row]] = {
    "t2": [
        ("T2 HASTE tra", {}),
        ("t2_haste_fs_tra_mbh", {}),
        ("AX SSFSE", {}),
        ("T2W_SSh_TSE", {}),
        ("AX T2 FSE FS RTr", {}),
        ("t2_blade_fs_tra", {}),
        ("FASE T2 AX", {}),
        ("T2 TSE SPAIR", {}),
    ],
    "arterial": [
        ("t1_vibe_fs_tra_art", {}),
        ("AX LAVA ARTERIAL", {}),
        ("THRIVE art 25s", {}),
        ("t1_vibe_dixon_arteriell_W", {}),
        ("LAVA-Flex ART", {}),
    ],
    "portal": [
        ("t1_vibe_fs_tra_pv", {}),
        ("AX LAVA PORTAL VENOUS", {}),
        ("THRIVE portal 70s", {}),
        ("t1_vibe_dixon_portalvenös", {}),
        ("eTHRIVE venous", {}),
    ],
    "late": [
        ("t1_vibe_fs_tra_late", {}),
        ("AX LAVA DELAYED", {}),
        ("eTHRIVE delayed 3 min", {}),
        ("t1_vibe_spät", {}),
        ("VIBE equilibrium", {}),
    ],
    "native": [("t1_vibe_fs_tra_nativ", {}), ("AX LAVA PRE CONTRAST", {}), ("THRIVE pre", {}), ("t1 vibe ohne KM", {})],
    "hepatobiliary": [
        ("t1_vibe_fs_tra_HBP_20min", {}),
        ("AX LAVA HEPATOBILIARY", {}),
        ("eTHRIVE 20 min", {}),
        ("T1 vibe HBP", {}),
        ("hepatobiliäre Phase", {}),
    ],
    "dwi": [
        ("ep2d_diff_b50_400_800_TRACEW, b 800", {"DiffusionBValue": 800.0}),
        ("DWI RTr B600", {"DiffusionBValue": 600.0}),
        ("DWIBS b1000", {"DiffusionBValue": 1000.0}),
    ],
    "adc": [
        ("ep2d_diff_b50_400_800_ADC", {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}),
        ("Apparent Diffusion Coefficient", {}),
        ("dADC map", {}),
        ("ADC (10^-6 mm²/s)", {}),
    ],
}
MR_NOISE: list[Row] = [
    ("localizer", {"slices": 9}),
    ("3-plane loc", {"slices": 15}),
    ("SURVEY", {"slices": 20}),
    ("t2_trufi_cor", {}),
    ("MRCP 3D MIP", {}),
    ("ep2d_diff_b50, b 50", {"DiffusionBValue": 50.0}),
    ("haste scout", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
]
RECTAL: dict[str, list[Row]] = {
    "oblique": [
        ("t2_tse_obl_tra_hr", {"ImageOrientationPatient": OBL}),
        ("OBL AX T2 high res", {"ImageOrientationPatient": OBL}),
        ("T2 paraaxial", {"ImageOrientationPatient": OBL}),
        ("T2W_TSE_perp_rectum", {"ImageOrientationPatient": OBL}),
        ("t2 schräg axial HR", {"ImageOrientationPatient": OBL}),
    ],
    "sagittal": [
        ("t2_tse_sag", {"ImageOrientationPatient": SAG}),
        ("SAG T2 FRFSE", {"ImageOrientationPatient": SAG}),
        ("T2W TSE sagittal", {"ImageOrientationPatient": SAG}),
        ("T2 sagitaal", {"ImageOrientationPatient": SAG}),
    ],
    "dwi": MR["dwi"],
    "adc": MR["adc"],
}
RECTAL_NOISE: list[Row] = [
    ("localizer", {"slices": 9}),
    ("t2_tse_cor", {"ImageOrientationPatient": COR}),
    ("t1_tse_tra", {"ImageOrientationPatient": AX}),
    ("DWI b50", {"DiffusionBValue": 50.0}),
]
BREAST: dict[str, list[Row]] = {
    "subtraction": [
        ("dyn_t1_SUB 1", {}),
        ("SUB1", {}),
        ("Subtraction 2-1", {}),
        ("sub_dyn 1st", {"ImageType": ["DERIVED", "PRIMARY", "SUBTRACT"]}),
    ],
    "t2": [("t2_tirm_tra", {}), ("AX T2 STIR", {}), ("T2_TSE_SPAIR", {}), ("Ax FSE T2", {})],
    "adc": MR["adc"],
    "dynamic": [
        ("t1_fl3d_dyn_post, phase 2 of 6", {"TemporalPositionIdentifier": 2.0, "slices": 160}),
        ("VIBRANT+C phase 2", {"TemporalPositionIdentifier": 2.0, "slices": 120}),
        ("dyn eTHRIVE", {"TemporalPositionIdentifier": 2.0, "slices": 140}),
        ("Dynamic-3dfgre", {"TemporalPositionIdentifier": 2.0, "slices": 60}),
    ],
}
BREAST_NOISE: list[Row] = [
    ("localizer", {"slices": 9}),
    ("dyn MIP", {"ImageType": ["DERIVED", "SECONDARY", "MIP"]}),
    ("t1_non_fs", {"slices": 40}),
]


def ct_study(draw: random.Random, wanted: tuple[str, ...]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A CT study with some of the phases, and where each series belongs."""
    phases = [each for each in wanted if draw.random() < 0.7] or ["portal"]
    rows = [
        (
            draw.choice(CT[phase]),
            {"slices": draw.randint(40, 300), "SliceThickness": draw.choice([1.0, 3.0, 5.0])},
            phase,
        )
        for phase in phases
    ]
    rows += [
        (each, {"slices": 80 if "lun" in each.lower() else draw.choice([1, 2, 3])}, "-")
        for each in draw.sample(CT_NOISE, draw.randint(0, 3))
    ]
    return study(draw, "CT", rows)


def mr_study(
    draw: random.Random, slots: dict[str, list[Row]], noise: list[Row], always: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """An MR study with some of the sequences, and where each series belongs.

    Parameters
    ----------
    draw
        Random numbers.
    slots, noise
        Series by slot, and series that belong nowhere in particular.
    always
        A slot that every study has.
    """
    some = [slot for slot in slots if slot == always or draw.random() < 0.75]
    rows = [(*draw.choice(slots[slot]), slot) for slot in some]
    rows += [(*draw.choice(noise), "") for _ in range(draw.randint(0, 3))]
    return study(draw, "MR", rows)


def mammograms(draw: random.Random) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Up to four views; side and view are in one of the places where vendors put them."""
    rows = []
    for side, view in [(s, v) for s in "LR" for v in ("CC", "MLO") if draw.random() < 0.9]:
        spelt: list[tuple[str, dict[str, Any]]] = [
            ("", {"ImageLaterality": side, "ViewPosition": view}),
            (f"{side} {view}", {}),
            (f"{side}{view}", {}),
            (
                "",
                {
                    "Laterality": side,
                    "ViewCodeSequence": [
                        {"CodeMeaning": {"CC": "cranio-caudal", "MLO": "medio-lateral oblique"}[view]}
                    ],
                },
            ),
            ("full mammogram images", {"Laterality": side, "PatientOrientation": view}),
            ({"L": "LEFT ", "R": "RIGHT "}[side] + view, {}),
        ]
        rows.append((*draw.choice(spelt), f"{side.lower()}{view.lower()}"))
    return study(draw, "MG", [(text, {"slices": 1, **more}, slot) for text, more, slot in rows])


def study(
    draw: random.Random, modality: str, rows: list[tuple[str, dict[str, Any], str]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Headers in the order of a scanner's list, and the slot of each."""
    draw.shuffle(rows)
    headers, truth = [], {}
    for n, (description, more, slot) in enumerate(rows):
        uid = str(n)
        base = {
            "series_uid": uid,
            "Modality": modality,
            "SeriesDescription": description,
            "SeriesNumber": n + 1,
            "slices": 40,
        }
        headers.append({**base, **more})
        truth[uid] = slot
    return headers, truth


STUDIES: dict[str, Any] = {
    "liver-ct": lambda draw: ct_study(draw, ("native", "arterial", "portal", "late")),
    "colorectal-ct": lambda draw: ct_study(draw, ("portal",)),
    "liver-mri": lambda draw: mr_study(draw, MR, MR_NOISE, "portal"),
    "rectal-mri": lambda draw: mr_study(draw, RECTAL, RECTAL_NOISE, "oblique"),
    "breast-mri": lambda draw: mr_study(draw, BREAST, BREAST_NOISE, "dynamic"),
    "mammography": mammograms,
    "mammography-screening": mammograms,
}
