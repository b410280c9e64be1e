"""Registrations move annotations in the right direction, as SimpleITK does, or refuse by name; losses are stated."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, generate_uid

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.repository.derivation.copy_annotations import _copied
from tests.grids import rotation

SOURCE, TARGET = "1.2.3.10", "1.2.3.20"
MOVE = np.eye(4)
MOVE[:3, :3], MOVE[:3, 3] = rotation((0.2, -0.3, 0.5)), (12, -7, 30)


def grid(frame, spacing=(2.0, 1.0, 1.0), shape=(20, 40, 40), origin=(-20, -20, -20), turn=(0, 0, 0)):
    return Grid.from_arrays(origin, rotation(turn)[::-1], spacing, shape, frame)


def ball(frame=SOURCE, centre=(1.3, 2.1, -0.4), radius=9.2, **more):
    g = grid(frame, **more)
    index = np.stack(np.meshgrid(*map(np.arange, g.shape), indexing="ij"), -1)
    inside = np.linalg.norm(g.reference_from_image(index) - centre, axis=-1) < radius
    return eci.Mask.from_volume(volume_from_array(inside, g, series_uid="2.25.1"), label="ball")


def dicom(path, kind, fill):
    dataset, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, kind
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta, dataset.SOPClassUID, dataset.Modality = meta, kind, "REG"
    dataset.FrameOfReferenceUID = TARGET
    fill(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def matrices(*given):
    registration = Dataset()
    registration.MatrixSequence = []
    for each in given:
        item = Dataset()
        item.FrameOfReferenceTransformationMatrixType = "RIGID"
        item.FrameOfReferenceTransformationMatrix = [f"{v:.12f}"[:16] for v in np.ravel(each)]
        registration.MatrixSequence.append(item)
    return [registration]


def rigid(path, *given, source=SOURCE):
    def fill(dataset):
        dataset.RegistrationSequence = []
        for uid, sequence in ((TARGET, matrices(np.eye(4))), (source, matrices(*given))):
            item = Dataset()
            item.FrameOfReferenceUID, item.MatrixRegistrationSequence = uid, sequence
            dataset.RegistrationSequence.append(item)

    return dicom(path, "1.2.840.10008.5.1.4.1.1.66.1", fill)


def deformable(path, offsets, before=None, after=None):
    """`offsets` (k, j, i, 3) on a grid of 4 mm from (-40, -40, -40)."""

    def fill(dataset):
        item, place = Dataset(), Dataset()
        item.SourceFrameOfReferenceUID = SOURCE
        place.ImageOrientationPatient, place.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-40, -40, -40]
        place.GridDimensions, place.GridResolution = list(offsets.shape[2::-1]), [4.0, 4.0, 4.0]
        place.VectorGridData = offsets.astype("<f4").tobytes()
        item.DeformableRegistrationGridSequence = [place]
        if before is not None:
            item.PreDeformationMatrixRegistrationSequence = matrices(before)
        if after is not None:
            item.PostDeformationMatrixRegistrationSequence = matrices(after)
        dataset.DeformableRegistrationSequence = [item]

    return dicom(path, "1.2.840.10008.5.1.4.1.1.66.3", fill)


def waves():
    k, j, i = np.meshgrid(*[np.arange(-40, 44, 4.0)] * 3, indexing="ij")
    return np.stack([2 * np.sin(j / 15), 3 * np.cos(k / 20), 1.5 * np.sin(i / 18)], -1)


def test_a_rigid_registration_moves_all_kinds_from_source_to_registered_frame(tmp_path):
    found = eci.read_registration(rigid(tmp_path / "reg.dcm", MOVE))
    assert (found.source_uid, found.target_uid) == (SOURCE, TARGET) and found.is_rigid
    box = found.apply(eci.Box((1, 2, 3), (4, 5, 6), frame_uid=SOURCE, series_uid="2.25.1"))
    assert np.allclose(box.centre_lps, (MOVE @ [1, 2, 3, 1])[:3], atol=1e-5) and box.volume_mm3 == 120
    assert (box.frame_uid, box.series_uid) == (TARGET, "")
    ring = np.array([[0, 0, 5], [10, 0, 5], [10, 10, 5.0]])
    contours = found.apply(eci.Contours((ring,), 3.0, frame_uid=SOURCE))
    assert np.allclose(
        contours.rings_lps[0], ring @ MOVE[:3, :3].T + MOVE[:3, 3]
    ) and contours.spacing_mm == pytest.approx(3)
    mask = ball()
    moved = found.apply(mask)
    assert moved.volume_mm3 == mask.volume_mm3 and moved.uid == mask.uid
    index = np.argwhere(mask.voxels)[::50]
    before, after = mask.grid.reference_from_image(index), moved.grid.reference_from_image(index)
    assert np.abs(after - (before @ MOVE[:3, :3].T + MOVE[:3, 3])).max() < 1e-3


def test_several_matrices_are_applied_in_order(tmp_path):
    shift = np.eye(4)
    shift[:3, 3] = 5, 0, 0
    found = eci.read_registration(rigid(tmp_path / "reg.dcm", shift, MOVE))
    assert np.allclose(found.matrix, MOVE @ shift, atol=1e-9)


def test_other_frames_are_refused_and_the_way_back_is_named(tmp_path):
    found = eci.read_registration(rigid(tmp_path / "reg.dcm", MOVE))
    with pytest.raises(errors.FrameMismatch, match="inverse"):
        found.apply(eci.Box((1, 2, 3), (4, 5, 6), frame_uid=TARGET))
    with pytest.raises(errors.FrameMismatch):
        found.apply(eci.Box((1, 2, 3), (4, 5, 6), frame_uid="9.9"))
    there = found.apply(ball())
    back = found.inverse().apply(there)
    assert np.allclose(back.grid.origin_lps, ball().grid.origin_lps, atol=1e-3)
    with pytest.raises(errors.FrameMismatch, match="target frame"):
        eci.map_onto(ball(), volume_from_array(np.zeros((2, 3, 3)), grid("9.9", shape=(2, 3, 3))), found)


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.4, 0.3, -0.2)])
def test_a_mask_on_another_plane_and_frame_is_where_simpleitk_puts_it(tmp_path, turn):
    found, mask = eci.read_registration(rigid(tmp_path / "reg.dcm", MOVE)), ball()
    centre = (MOVE @ [1.3, 2.1, -0.4, 1])[:3]
    target = grid(TARGET, (1.5, 0.8, 0.8), (30, 60, 60), centre - np.array([24, 24, 22]) @ np.eye(3), turn)
    volume = volume_from_array(np.zeros(target.shape), target, series_uid="2.25.2")
    mapped = eci.map_onto(mask, volume, found)
    image = sitk.GetImageFromArray(mask.voxels.astype(np.uint8))
    image.SetOrigin(mask.grid.origin_lps)
    image.SetSpacing(mask.grid.spacing_mm[::-1])
    image.SetDirection(np.asarray(mask.grid.directions)[::-1].T.ravel().tolist())
    like = sitk.Image([*target.shape[::-1]], sitk.sitkUInt8)
    like.SetOrigin(target.origin_lps)
    like.SetSpacing(target.spacing_mm[::-1])
    like.SetDirection(np.asarray(target.directions)[::-1].T.ravel().tolist())
    back = np.linalg.inv(MOVE)
    transform = sitk.AffineTransform(back[:3, :3].ravel().tolist(), back[:3, 3].tolist())
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, like, transform, sitk.sitkNearestNeighbor)).astype(bool)
    ours = mapped.mask.mask_on(volume).values
    assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) > 0.97 and theirs.sum() > 3000
    if mapped.outside_mm3 == 0:
        assert mapped.volume_mm3 == pytest.approx(mask.volume_mm3, rel=0.03)
    assert mapped.mask.series_uid == "2.25.2" and mapped.partial_voxels > 100


@pytest.mark.parametrize(("x", "copied", "word"), [(9, True, ""), (-8, True, "part"), (-60, False, "beside")])
def test_a_box_is_copied_where_the_series_is(x, copied, word):
    volume = volume_from_array(np.zeros((20, 40, 40)), grid(TARGET), series_uid="2.25.2")
    shift = np.eye(4)
    shift[0, 3] = -9
    box = eci.Box((x, 0, 0), (10, 10, 10), label="lesion", frame_uid=SOURCE, series_uid="2.25.1")
    found, said = _copied(box, volume, eci.Registration(SOURCE, TARGET, shift))
    assert (found is not None) is copied and word in said and bool(said) == bool(word)


def test_what_lies_beside_the_stack_is_stated():
    box = eci.Box((0, 0, 0), (10, 10, 10), frame_uid=SOURCE)
    half = volume_from_array(
        np.zeros((20, 40, 20)), grid(SOURCE, shape=(20, 40, 20), origin=(0.5, -19.5, -19)), series_uid="2.25.2"
    )
    mapped = eci.map_onto(box, half)
    assert mapped.volume_before_mm3 == 1000 and mapped.volume_mm3 == pytest.approx(500)
    assert mapped.outside_mm3 == pytest.approx(500)
    gone = eci.map_onto(eci.Box((-60, 0, 0), (10, 10, 10), frame_uid=SOURCE), half)
    assert gone.volume_mm3 == 0 and gone.outside_mm3 == pytest.approx(1000, rel=0.05)


def test_a_deformation_maps_as_simpleitk_resamples(tmp_path):
    offsets, before = waves(), np.eye(4)
    before[:3, 3] = 3, -2, 1
    found = eci.read_registration(deformable(tmp_path / "def.dcm", offsets, before))
    points = np.random.default_rng(1).uniform(-30, 30, (200, 3))
    field = sitk.GetImageFromArray(offsets, isVector=True)
    field.SetOrigin((-40, -40, -40))
    field.SetSpacing((4, 4, 4))
    transform = sitk.DisplacementFieldTransform(field)
    expected = np.array([transform.TransformPoint(point.tolist()) for point in points]) + before[:3, 3]
    assert np.abs(found.source_points(points) - expected).max() < 1e-3
    assert np.abs(found.target_points(expected) - points).max() < 0.01
    assert np.isnan(found.source_points(np.array([[100.0, 0, 0]]))).all()


def test_a_deformation_is_read_in_either_byte_order_and_with_matrices_in_its_items(tmp_path):
    offsets, points = waves(), np.random.default_rng(1).uniform(-30, 30, (20, 3))
    expected = eci.read_registration(deformable(tmp_path / "def.dcm", offsets, MOVE, MOVE)).source_points(points)
    dataset = pydicom.dcmread(tmp_path / "def.dcm")
    (item,) = dataset.DeformableRegistrationSequence
    item.DeformableRegistrationGridSequence[0].VectorGridData = offsets.astype(">f4").tobytes()
    for name in ("PreDeformationMatrixRegistrationSequence", "PostDeformationMatrixRegistrationSequence"):
        setattr(item, name, item[name].value[0].MatrixSequence)  # as PS3.3 C.20.3 has them
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset = pydicom.FileDataset("", Dataset(dataset), file_meta=dataset.file_meta)
    pydicom.dcmwrite(tmp_path / "big.dcm", dataset, enforce_file_format=True)
    assert np.allclose(eci.read_registration(tmp_path / "big.dcm").source_points(points), expected)


def test_a_mask_follows_a_deformation(tmp_path):
    found, mask = eci.read_registration(deformable(tmp_path / "def.dcm", waves())), ball()
    volume = volume_from_array(
        np.zeros((60, 60, 60)), grid(TARGET, (1.0, 1, 1), (60, 60, 60), (-30, -30, -30)), series_uid="2.25.2"
    )
    mapped = eci.map_onto(mask, volume, found)
    target = found.target_points(np.array([[1.3, 2.1, -0.4]]))[0]
    centre = mapped.mask.grid.reference_from_image(np.argwhere(mapped.mask.voxels)).mean(0)
    assert np.linalg.norm(centre - target) < 0.7 and mapped.outside_mm3 == 0
    for annotation in (mask, eci.Box((0, 0, 0), (4, 5, 6), frame_uid=SOURCE)):
        with pytest.raises(errors.BadRegistration, match="map_onto"):
            found.apply(annotation)
    with pytest.raises(errors.BadRegistration):
        found.inverse()


def itk_transforms():
    euler = sitk.Euler3DTransform((3, 4, 5), 0.1, -0.2, 0.3, (7, -8, 9))
    zyx = sitk.Euler3DTransform((3, 4, 5), 0.1, -0.2, 0.3, (7, -8, 9))
    zyx.SetComputeZYX(True)
    versor = sitk.VersorRigid3DTransform((1, 2, 2), 0.7, (1, 2, 3), (4, 5, 6))
    affine = sitk.AffineTransform([1.1, 0.1, 0, 0, 0.9, 0.05, 0.02, 0, 1], (5, 6, 7), (1, 1, 2))
    similarity = sitk.Similarity3DTransform(1.2, (1, 2, 2), 0.7, (1, 2, 3), (4, 5, 6))
    shift = sitk.TranslationTransform(3, (1, 2, 3))
    return {
        "euler": euler, "zyx": zyx, "versor": versor, "affine": affine, "similarity": similarity, "shift": shift,
        "composite": sitk.CompositeTransform([euler, affine, shift]),
    }  # fmt: skip


@pytest.mark.parametrize("name", itk_transforms())
def test_itk_transforms_map_points_of_the_fixed_image_to_the_moving_one(tmp_path, name):
    transform = itk_transforms()[name]
    sitk.WriteTransform(transform, tmp_path / "t.tfm")
    found = eci.read_registration(tmp_path / "t.tfm", fixed_uid=TARGET, moving_uid=SOURCE)
    points = np.random.default_rng(2).uniform(-50, 50, (20, 3))
    expected = np.array([transform.TransformPoint(point.tolist()) for point in points])
    assert np.abs(found.source_points(points) - expected).max() < 1e-6
    assert (found.source_uid, found.target_uid) == (SOURCE, TARGET)
    assert np.abs(found.target_points(expected) - points).max() < 1e-6


LEANING = np.eye(4)
LEANING[3, 0] = 0.5
SHIFT = "Transform: TranslationTransform_double_3_3\nParameters: 1 2 3\nFixedParameters:\n"
ITK = {"fixed_uid": TARGET, "moving_uid": SOURCE}


def itk(path, text):
    (path / "t.tfm").write_text("#Insight Transform File V1.0\n" + text)


def changed(path, number, sequence=None):
    """Give an item other matrices, or take its frame of reference."""
    dataset = pydicom.dcmread(path)
    item = dataset.RegistrationSequence[number]
    if sequence is None:
        del item.FrameOfReferenceUID
    else:
        item.MatrixRegistrationSequence = sequence
    dataset.save_as(path)


REFUSED = {
    "no frames named": (lambda p: sitk.WriteTransform(sitk.Euler3DTransform(), p / "t.tfm"), "t.tfm", {}, "frames"),
    "text": (lambda p: (p / "t.tfm").write_text("hello"), "t.tfm", {}, "no registration"),
    "HDF5": (lambda p: sitk.WriteTransform(sitk.Euler3DTransform(), p / "t.h5"), "t.h5", {}, "HDF5"),
    "other source": (lambda p: rigid(p / "t.dcm", MOVE), "t.dcm", {"source_uid": "9.9"}, "source_uid"),
    "singular": (lambda p: rigid(p / "t.dcm", np.diag([1, 1, 0, 1.0])), "t.dcm", {}, "matrix"),
    "mirrored": (lambda p: rigid(p / "t.dcm", np.diag([-1, 1, 1, 1.0])), "t.dcm", {}, "matrix"),
    "bottom rows": (lambda p: rigid(p / "t.dcm", LEANING, np.linalg.inv(LEANING)), "t.dcm", {}, "matrix"),
    "bottom row before": (lambda p: deformable(p / "t.dcm", waves(), LEANING), "t.dcm", {}, "matrix"),
    "no matrix": (lambda p: changed(rigid(p / "t.dcm"), 1, matrices()), "t.dcm", {}, "no matrix"),
    "no frame": (lambda p: changed(rigid(p / "t.dcm", MOVE), 1), "t.dcm", {}, "does not name"),
    "registered frame moves": (
        lambda p: changed(rigid(p / "t.dcm", MOVE), 0, matrices(MOVE)),
        "t.dcm",
        {},
        "moves the frame",
    ),
    "not rigid": (lambda p: rigid(p / "t.dcm", np.diag([1.1, 1, 1, 1])), "t.dcm", {}, "called rigid"),
    "several": (lambda p: itk(p, SHIFT + SHIFT), "t.tfm", ITK, "several ITK"),
    "no fixed parameters": (lambda p: itk(p, SHIFT.partition("Fixed")[0] + SHIFT), "t.tfm", ITK, "malformed"),
    "long versor": (
        lambda p: itk(
            p, "Transform: VersorRigid3DTransform_double_3_3\nParameters: .9 .9 .9 1 2 3\nFixedParameters: 0 0 0\n"
        ),
        "t.tfm",
        ITK,
        "versor",
    ),
    "too few vectors": (lambda p: cut(deformable(p / "t.dcm", waves())), "t.dcm", {}, "vectors"),
}


def cut(path):
    dataset = pydicom.dcmread(path)
    item = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    item.VectorGridData = item.VectorGridData[:-12]
    dataset.save_as(path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_registration_is_refused_by_name(tmp_path, name):
    make, file, more, why = REFUSED[name]
    make(tmp_path)
    with pytest.raises(errors.BadRegistration, match=why):
        eci.read_registration(tmp_path / file, **more)


def test_subtraction_says_what_it_is_made_of():
    post, pre = (
        volume_from_array(np.full((20, 40, 40), v, np.int16), grid(SOURCE), series_uid=u)
        for v, u in ((300, "2.25.1"), (100, "2.25.2"))
    )
    pre = pre.assign_attrs(padding=(100, 100)).copy(deep=True)
    pre.values[0] = 50
    found = eci.subtract(post, pre)
    assert np.isnan(found.values[1:]).all() and (found.values[0] == 250).all()
    assert (found.attrs["post_series_uid"], found.attrs["pre_series_uid"]) == ("2.25.1", "2.25.2")
    assert found.frame.attrs["series_uid"] not in ("2.25.1", "2.25.2")
    with pytest.raises(errors.BadVolume, match="units"):
        eci.subtract(eci.suv(post.assign_attrs(suv_factor=0.5)), pre.assign_attrs(units="BQML"))
    with pytest.raises(errors.FrameMismatch, match="Register"):
        eci.subtract(post, volume_from_array(np.zeros((20, 40, 40)), grid(TARGET)))
    shifted = volume_from_array(np.full((20, 40, 40), 100.0), grid(SOURCE, origin=(-19.5, -20, -20)))
    with pytest.raises(errors.FrameMismatch, match="resampled=True"):
        eci.subtract(post, shifted)
    other = eci.subtract(post, shifted, resampled=True)
    assert np.nanmax(np.abs(other - 200)) < 1e-3 and "resampled" in other.attrs
