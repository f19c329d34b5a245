"""What the web page takes out of a zip archive, and which archives it refuses."""

from __future__ import annotations

import struct
import zipfile

import pytest
import SimpleITK as sitk
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.geometry.voxel_image import image_from_volume

from Testing.support.scan_files import head_volume, write_dicom
from Testing.support.uploads import MOST_BYTES, archive, refusal, study_of_two_series, zip_of
from Web.series_offer import MOST_SERIES
from Web.upload_checks import UploadRefusedError, UploadTooLargeError, check_upload


def zipped_dicom(tmp_path, name="study.zip", prefix="inner/"):
    slices = write_dicom(tmp_path / "slices", head_volume())
    return zip_of(tmp_path / name, slices, prefix)


def test_a_zip_with_a_series_is_taken_and_replaced_by_its_slices(tmp_path):
    checked = check_upload(zipped_dicom(tmp_path), MOST_BYTES)
    assert checked.name == "study"
    assert checked.path.name == "study"
    assert not (tmp_path / "study.zip").exists()
    assert sorted(checked.shape) == sorted(head_volume().array.shape)


@pytest.mark.parametrize(
    "name",
    ["../escape.dcm", "/etc/cron.d/x.dcm", "a/../../x.dcm", "..\\..\\x.dcm", "C:\\x.dcm"],
)
def test_archive_names_that_leave_the_folder_are_refused(tmp_path, name):
    path = archive(tmp_path / "a.zip", {name: b"x"})
    assert "outside its folder" in refusal(path)
    assert {p.name for p in tmp_path.iterdir()} <= {"a.zip", ".unpacked"}


def test_links_and_devices_in_archives_are_refused(tmp_path):
    path = archive(tmp_path / "a.zip", {"slice.dcm": b"/etc/passwd"}, **{"slice.dcm": 0o120777})
    assert "a link or a device" in refusal(path)


def test_an_archive_that_announces_too_much_is_refused(tmp_path):
    path = archive(tmp_path / "a.zip", {f"{n}.dcm": b"\0" * (1 << 20) for n in range(9)})
    assert path.stat().st_size < 1 << 20
    assert "limit of 8 MB" in refusal(path, UploadTooLargeError, 8 << 20)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path):
    path = archive(tmp_path / "a.zip", {"slice.dcm": b"\0" * (16 << 20)})
    data = path.read_bytes()
    size = struct.pack("<I", 16 << 20)
    assert size in data
    path.write_bytes(data.replace(size, struct.pack("<I", 1000)))
    assert "cannot be unpacked" in refusal(path, UploadRefusedError, 8 << 20)
    written = sum(p.stat().st_size for p in tmp_path.rglob("*") if p != path)
    assert written <= 9 << 20


def test_too_many_entries_are_refused(tmp_path):
    path = archive(tmp_path / "a.zip", {f"{n}.dcm": b"" for n in range(5001)})
    assert "5001 files" in refusal(path, UploadTooLargeError)


def test_archives_in_archives_and_scans_in_archives_are_not_opened(tmp_path):
    inner = archive(tmp_path / "inner.zip", {"a.dcm": b"x"}).read_bytes()
    refusal(archive(tmp_path / "a.zip", {"inner.zip": inner}), HypothalamusSegError)
    path = archive(tmp_path / "b.zip", {"scan.nii.gz": b"x"})
    assert "only DICOM files are accepted" in refusal(path)


@pytest.mark.parametrize(
    "suffix", [".png", ".tiff", ".bmp", ".mrc", ".hdf5", ".nii", ".nrrd", ".mha"]
)
def test_no_parser_but_that_of_dicom_sees_what_an_archive_calls_dicom(
    tmp_path, suffix, monkeypatch
):
    """ITK would guess a reader from the content, and has one for each of these."""
    image = sitk.Cast(image_from_volume(head_volume()), sitk.sitkUInt8)
    image = image[:, :, 20] if suffix in (".png", ".bmp") else image
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))
    data = (tmp_path / f"a{suffix}").read_bytes()
    guessed = []
    make = sitk.ImageFileReader

    class Watched(make):
        def ReadImageInformation(self):  # noqa: N802
            guessed.append(self.GetImageIO())
            return super().ReadImageInformation()

    monkeypatch.setattr(sitk, "ImageFileReader", Watched)
    refusal(archive(tmp_path / "a.zip", {"a.dcm": data}), HypothalamusSegError)
    assert set(guessed) == {"GDCMImageIO"}


def test_an_empty_an_encrypted_and_a_damaged_archive_are_refused(tmp_path):
    assert "empty" in refusal(archive(tmp_path / "a.zip", {}))
    locked = archive(tmp_path / "b.zip", {"a.dcm": b"x" * 50})
    data = bytearray(locked.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)
    assert "password" in refusal(locked)
    broken = zipped_dicom(tmp_path, "c.zip")
    broken.write_bytes(broken.read_bytes()[:-200])
    assert "cannot be unpacked" in refusal(broken)


def test_an_archive_with_damaged_names_is_refused_with_a_sentence(tmp_path):
    good = archive(tmp_path / "a.zip", {"ü.dcm": b"x" * 50}).read_bytes()
    for number, name in enumerate((b"\xff\xff.dcm", b"\0\0\0\0\0\0")):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(good.replace("ü.dcm".encode(), name))
        assert "damaged" in refusal(path)


def test_a_message_about_an_archive_is_short_and_printable(tmp_path):
    long = archive(tmp_path / "a.zip", {"x" * 60_000: b"x"})
    data = long.read_bytes()
    long.write_bytes(data.replace(b"x", b"y", 1))  # the two copies of the name differ
    assert len(refusal(long)) < 200
    name = f"{'x' * 500}\x1b[31m\u202e<b>.nii.gz"
    message = refusal(archive(tmp_path / "b.zip", {name: b"x"}))
    assert len(message) < 250
    assert message.isprintable()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(tmp_path, method):
    """Their readers in zipfile have no limit on memory."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as opened:
        opened.writestr("a.dcm", bytes(1000))
    assert "compression" in refusal(tmp_path / "a.zip")


def test_an_archive_of_too_many_series_is_refused(tmp_path):
    uid = "1.2.826.0.1.3680043.2.1125.1"
    (data, *_) = (file.read_bytes() for file in write_dicom(tmp_path / "one", head_volume(), uid))
    entries = {
        f"{number}.dcm": data.replace(uid.encode(), f"{uid[:-3]}{number:03d}".encode())
        for number in range(MOST_SERIES + 1)
    }
    path = archive(tmp_path / "a.zip", entries)
    assert "101 series" in refusal(path, UploadTooLargeError)


def test_several_series_in_a_zip_are_offered_with_pictures_and_one_is_taken(tmp_path):
    offer = check_upload(study_of_two_series(tmp_path), MOST_BYTES, tmp_path / "pictures")
    assert [(s.number, s.description, s.images) for s in offer.series] == [
        (1, "T1 MPRAGE", 52),
        (2, "FLAIR", 52),
    ]
    for series in offer.series:
        assert series.has_picture
        picture = sitk.ReadImage(str(tmp_path / "pictures" / f"{series.number}.png"))
        pixels = sitk.GetArrayFromImage(picture)
        assert pixels.shape == (50, 48)
        # The head is bright in the middle.
        assert pixels[20:30, 20:30].mean() > pixels[:5].mean() + 100
    for number in (1, 2):
        checked = check_upload(offer.path, MOST_BYTES, None, number)
        assert checked.name == "study"
        assert sorted(checked.shape) == sorted(head_volume().array.shape)
