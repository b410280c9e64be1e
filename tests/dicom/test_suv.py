"""SUV by body weight: as the vendor-neutral pseudo-code gives it, or refused with the reason."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import eci_annotate as eci
from eci_annotate import errors
from tests.dicom.series_maker import make_series

DATA = Path(__file__).parents[1] / "data"
DOSE, HALF_LIFE, WEIGHT = 3.7e8, 6586.2, 72.5


def pet(dataset, k=0):
    dataset.Modality, dataset.Units, dataset.DecayCorrection = "PT", "BQML", "START"
    dataset.CorrectedImage, dataset.PatientWeight = ["DECY", "ATTN", "SCAT"], WEIGHT
    dataset.SeriesDate = dataset.AcquisitionDate = "20200102"
    dataset.SeriesTime, dataset.AcquisitionTime = "101500.00", f"10{15 + k:02d}03"
    dataset.RescaleSlope, dataset.RescaleIntercept = 250.5, 0
    item = Dataset()
    item.RadiopharmaceuticalStartTime, item.RadionuclideTotalDose = "091420.0", DOSE
    item.RadionuclideHalfLife = HALF_LIFE
    dataset.RadiopharmaceuticalInformationSequence = [item]


def load(folder, change=lambda d: None):
    make_series(folder, 3, value=100, edit=lambda d, k: (pet(d, k), change(d)))
    return eci.load_series(folder)


def injection(**values):
    return lambda d: [setattr(d.RadiopharmaceuticalInformationSequence[0], name, v) for name, v in values.items()]


def put(**values):
    return lambda d: [setattr(d, name, v) for name, v in values.items()]


DECAYED = DOSE * 2 ** (-(3600 + 40) / HALF_LIFE)  # from 9:14:20 to 10:15:00


def philips(number, value):
    def edit(d):
        d.Units = "CNTS"
        d.add_new(0x70530010, "LO", "Philips PET Private Group")
        d.add_new(0x70530000 + number, "DS", str(value))

    return edit


def late(d):
    """Processed in the afternoon; GE keeps when the scan began."""
    d.SeriesTime = "150000"
    d.add_new(0x00090010, "LO", "GEMS_PETD_01")
    d.add_new(0x0009100D, "DT", "20200102101500.00")


FACTORS = {
    "decayed to the scan": (put(), WEIGHT * 1000 / DECAYED),
    "corrected to the injection": (put(DecayCorrection="ADMIN"), WEIGHT * 1000 / DOSE),
    "SUV already": (put(Units="GML", SUVType="BW"), 1.0),
    "counts with a factor": (philips(0x1000, 0.0123), 0.0123),
    "counts with an activity": (philips(0x1009, 1.7), 1.7 * WEIGHT * 1000 / DECAYED),
    "processed later": (late, WEIGHT * 1000 / DECAYED),
    "with date": (injection(RadiopharmaceuticalStartDateTime="20200102091420.00"), WEIGHT * 1000 / DECAYED),
    "hours and minutes": (
        injection(RadiopharmaceuticalStartTime="0914"),
        WEIGHT * 1000 / (DOSE * 2 ** (-3660 / HALF_LIFE)),
    ),
    "in another time zone": (
        lambda d: (
            put(TimezoneOffsetFromUTC="+0200")(d),
            injection(RadiopharmaceuticalStartDateTime="20200102071420.00+0000")(d),
        ),
        WEIGHT * 1000 / DECAYED,
    ),
    "injected before midnight": (
        lambda d: (
            put(SeriesTime="001000", AcquisitionTime="001003")(d),
            injection(RadiopharmaceuticalStartTime="233000")(d),
        ),
        WEIGHT * 1000 / (DOSE * 2 ** (-2400 / HALF_LIFE)),
    ),
}


@pytest.mark.parametrize("name", FACTORS)
def test_factors_are_those_of_the_pseudo_code(tmp_path, name):
    change, factor = FACTORS[name]
    volume = load(tmp_path, change)
    assert volume.attrs["suv_factor"] == pytest.approx(factor, rel=1e-6)
    values = eci.suv(volume)
    assert values.attrs["units"] == "SUVbw g/ml" and eci.grid_of(values) == eci.grid_of(volume)
    assert np.allclose(values, (100 + np.arange(3))[:, None, None] * 250.5 * factor, rtol=1e-5)
    assert eci.suv(values) is values


REFUSED = {
    "no weight": (lambda d: d.__delitem__("PatientWeight"), "PatientWeight"),
    "weight of nothing": (put(PatientWeight=0), "PatientWeight"),
    "no dose": (injection(RadionuclideTotalDose=None), "RadionuclideTotalDose"),
    "dose in MBq": (injection(RadionuclideTotalDose=370), "RadionuclideTotalDose"),
    "no half-life": (injection(RadionuclideHalfLife=None), "RadionuclideHalfLife"),
    "time of five digits": (injection(RadiopharmaceuticalStartTime="09142"), "RadiopharmaceuticalStartTime"),
    "hour alone": (injection(RadiopharmaceuticalStartTime="09"), "RadiopharmaceuticalStartTime"),
    "two times": (injection(RadiopharmaceuticalStartDateTime="20200102071420.00+0000"), "two times"),
    "no time": (injection(RadiopharmaceuticalStartTime=""), "RadiopharmaceuticalStartTime"),
    "injected after the scan": (injection(RadiopharmaceuticalStartTime="110000"), "after the scan"),
    "not corrected": (put(CorrectedImage=["ATTN"]), "decay"),
    "corrected for nothing known": (put(DecayCorrection="NONE"), "DecayCorrection"),
    "counts alone": (put(Units="CNTS"), "counts"),
    "other units": (put(Units="PROPCNTS"), "unit"),
    "lean body mass": (put(Units="GML", SUVType="LBM"), "LBM"),
    "processed later": (put(SeriesTime="150000"), "processed"),
    "two injections": (
        lambda d: d.RadiopharmaceuticalInformationSequence.append(d.RadiopharmaceuticalInformationSequence[0]),
        "injected",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused_with_the_reason(tmp_path, name):
    change, why = REFUSED[name]
    volume = load(tmp_path, change)
    with pytest.raises(errors.NoSuv, match=why) as caught:
        eci.suv(volume)
    assert "72.5" not in str(caught.value) and "0914" not in str(caught.value)


def test_slices_of_two_injections_are_refused(tmp_path):
    make_series(tmp_path, 3, edit=lambda d, k: (pet(d), injection(RadionuclideTotalDose=DOSE + 1e6 * k)(d)))
    with pytest.raises(errors.NoSuv, match="different"):
        eci.suv(eci.load_series(tmp_path))


def test_real_pet_in_grams_per_millilitre_stays_as_it_is():
    folder = DATA / "rtstruct_mim_sts008/PET/image"
    volume = eci.load_series(folder)
    assert pydicom.dcmread(next(folder.glob("*.dcm"))).Units == "GML"
    assert np.allclose(eci.suv(volume), volume)


def test_ct_has_no_suv(tmp_path):
    make_series(tmp_path, 3, modality="CT")
    with pytest.raises(errors.NoSuv, match="no PET"):
        eci.suv(eci.load_series(tmp_path))


def test_pet_that_does_not_say_how_it_is_scaled_has_no_unit(tmp_path):
    volume = load(tmp_path, lambda d: (delattr(d, "RescaleSlope"), delattr(d, "RescaleIntercept")))
    assert volume.attrs["units"] == "unknown" and "suv_factor" not in volume.attrs
    with pytest.raises(errors.NoSuv, match="how stored values are scaled"):
        eci.suv(volume)


def test_padding_has_no_suv_and_windows_are_in_suv(tmp_path):
    def edit(dataset):
        put(RescaleSlope="2", RescaleIntercept="0", DecayCorrection="ADMIN")(dataset)
        pixels = np.frombuffer(dataset.PixelData, np.int16).copy()
        pixels[0] = -5
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", -5)
        dataset.WindowCenter, dataset.WindowWidth = [100, 200], [200, 400]

    found = eci.suv(load(tmp_path, edit))
    factor = WEIGHT * 1000 / DOSE
    assert np.isnan(found.values[:, 0, 0]).all() and np.nanmin(found.values) == pytest.approx(200 * factor)
    assert "padding" not in found.attrs and found.attrs["window"] == pytest.approx((0, 200 * factor))
    assert [window[2] for window in found.attrs["windows"]] == pytest.approx([200 * factor, 400 * factor])
