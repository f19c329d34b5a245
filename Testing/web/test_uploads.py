"""What the web page takes as a scan, and what it refuses before reading it."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
import zipfile
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.errors import HypothalamusSegError
from HypothalamusSegLib.geometry.voxel_image import image_from_volume

from Testing.support.command_runs import REPOSITORY, environment
from Testing.support.scan_files import (
    head_volume,
    patched,
    replaced,
    write_dicom,
    write_nifti,
    write_scan,
)
from Web.series_offer import MOST_SERIES
from Web.upload_checks import UploadRefusedError, UploadTooLargeError, check_upload
from Web.uploads import harmless_name

MOST = 64 << 20


def refusal(path, error=UploadRefusedError, most=MOST) -> str:
    with pytest.raises(error) as raised:
        check_upload(path, most)
    return str(raised.value)


def archive(path, entries: dict[str, bytes], **kinds: int):
    """A zip whose entries have chosen names and, by ``kinds``, Unix modes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = kinds.get(name, 0o100600) << 16
            opened.writestr(info, data)
    return path


def zipped_dicom(tmp_path, name="study.zip", prefix="inner/"):
    slices = write_dicom(tmp_path / "slices", head_volume())
    return archive(tmp_path / name, {f"{prefix}{f.name}": f.read_bytes() for f in slices})


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mgz", ".mgh", ".mha"])
def test_every_format_is_taken(tmp_path, suffix):
    checked = check_upload(write_scan(tmp_path / f"head{suffix}", head_volume()), MOST)
    assert checked.name == "head"
    assert checked.shape == head_volume().array.shape
    assert checked.spacing_mm == (2.0, 2.0, 2.0)


def test_a_zip_with_a_series_is_taken_and_replaced_by_its_slices(tmp_path):
    checked = check_upload(zipped_dicom(tmp_path), MOST)
    assert checked.name == "study"
    assert checked.path.name == "study"
    assert not (tmp_path / "study.zip").exists()
    assert sorted(checked.shape) == sorted(head_volume().array.shape)


def test_flags_of_reading_are_told_at_once(tmp_path):
    volume = head_volume(dtype="float32")
    volume.array[0, 0, 0] = np.nan
    checked = check_upload(write_scan(tmp_path / "head.nii", volume), MOST)
    assert {flag["code"] for flag in checked.flags} == {"repaired_values", "coarse_resolution"}


@pytest.mark.parametrize(
    "name", ["notes.txt", "scan", "scan.exe", "scan.nii.exe", "brain.hdr", "brain.img", "x.mhd"]
)
def test_other_types_are_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"anything")
    assert name in refusal(path)


def test_a_single_dicom_file_is_told_to_be_zipped(tmp_path):
    path = tmp_path / "im001.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM")
    assert "Zip all files of the series" in refusal(path)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mgz", "a.mha", "a.zip"])
def test_a_wrong_content_under_a_right_name_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"this is not an image" * 100)
    refusal(path, HypothalamusSegError)


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


def study(tmp_path):
    """A zip with a T1-weighted series and another one."""
    slices = write_dicom(tmp_path / "one", head_volume())
    slices += write_dicom(tmp_path / "two", head_volume(), "1.2.826.0.1.2", "FLAIR", "other")
    entries = {file.name: file.read_bytes() for file in slices}
    return archive(tmp_path / "study.zip", entries)


def test_several_series_in_a_zip_are_offered_with_pictures_and_one_is_taken(tmp_path):
    offer = check_upload(study(tmp_path), MOST, tmp_path / "pictures")
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
        checked = check_upload(offer.path, MOST, None, number)
        assert checked.name == "study"
        assert sorted(checked.shape) == sorted(head_volume().array.shape)


@pytest.mark.parametrize("line", ["data file: /etc/passwd", "Data File: ../x", "datafile: LIST"])
def test_a_nrrd_that_reads_another_file_is_refused(tmp_path, line):
    path = write_scan(tmp_path / "a.nrrd", head_volume())
    replaced(path, b"\n\n", f"\n{line}\n\n".encode())
    assert "another file" in refusal(path)


@pytest.mark.parametrize("place", ["/etc/passwd", "LIST", "../x.raw", "x%03d.raw 1 9 1"])
def test_a_metaimage_that_reads_another_file_is_refused(tmp_path, place):
    path = write_scan(tmp_path / "a.mha", head_volume())
    replaced(path, b"ElementDataFile = LOCAL", f"ElementDataFile = {place}".encode())
    assert "another file" in refusal(path)


def huge_headers(tmp_path):
    """Files of some kilobytes that claim to hold terabytes."""
    shape = (30000, 30000, 30000)
    nifti = write_nifti(tmp_path / "a.nii", head_volume())
    data = patched(nifti.read_bytes(), dim=[3, *shape, 1, 1, 1, 1])
    nifti.write_bytes(data)
    packed = tmp_path / "a.nii.gz"
    packed.write_bytes(gzip.compress(data))
    mgh = tmp_path / "a.mgh"
    header = bytearray(nibabel.MGHImage(head_volume().array, np.eye(4)).to_bytes()[:400])
    header[4:16] = struct.pack(">3i", *shape)
    mgh.write_bytes(header)
    nrrd = write_scan(tmp_path / "a.nrrd", head_volume())
    replaced(nrrd, b"sizes: 48 50 52", b"sizes: 30000 30000 30000")
    meta = write_scan(tmp_path / "a.mha", head_volume())
    replaced(meta, b"DimSize = 48 50 52", b"DimSize = 30000 30000 30000")
    return [nifti, packed, mgh, nrrd, meta]


@pytest.mark.parametrize("index", range(5))
def test_a_header_that_claims_terabytes_is_refused_before_any_voxel(tmp_path, index):
    path = huge_headers(tmp_path)[index]
    assert "voxels; the limit is" in refusal(path, UploadTooLargeError)


def bomb(start: bytes, window_bits: int, megabytes: int) -> bytes:
    """Compressed data that begins well and goes on with zeros."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    parts = [deflate.compress(start)]
    parts += [deflate.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return b"".join([*parts, deflate.flush()])


@pytest.mark.parametrize("suffix", [".nii.gz", ".mgz", ".mha"])
def test_a_stream_that_never_ends_is_not_read_to_its_end(tmp_path, suffix):
    """A file of 27 MB took 100 s, in which nobody else's was checked."""
    if suffix == ".mha":
        data = write_scan(tmp_path / "a.mha", head_volume()).read_bytes()
        head, line, voxels = data.partition(b"ElementDataFile = LOCAL\n")
        head = head.replace(b"CompressedData = False", b"CompressedData = True")
        data = head + line + bomb(voxels, 15, 90)
    else:
        plain = ".nii" if suffix == ".nii.gz" else ".mgh"
        data = bomb(write_scan(tmp_path / f"a{plain}", head_volume()).read_bytes(), 31, 90)
    path = tmp_path / f"b{suffix}"
    path.write_bytes(data)
    assert "much longer than its header says" in refusal(path, HypothalamusSegError)


def check_in_worker(path, memory_mb: int) -> list[dict]:
    command = (sys.executable, "-m", "Web.engine_worker", "check", "--memory-mb", str(memory_mb))
    surroundings = environment()
    surroundings["PYTHONPATH"] += f":{REPOSITORY}"
    task = json.dumps({"request": "check", "id": "1", "input": str(path), "most_bytes": MOST})
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings
    ) as worker:
        assert json.loads(worker.stdout.readline())["event"] == "ready"
        worker.stdin.write(task.encode() + b"\n")
        worker.stdin.flush()
        answer = json.loads(worker.stdout.readline())
        worker.stdin.close()
        worker.wait(timeout=10)
    return [answer]


def test_a_worker_names_no_folder_of_the_server(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"this is not an image")
    (event,) = check_in_worker(tmp_path / "a.nii.gz", 2000)
    assert event["code"] == "corrupt_file"
    assert event["message"].startswith("a.nii.gz")
    assert str(tmp_path) not in event["message"]


def test_a_file_in_an_archive_is_named_without_the_servers_folders(tmp_path):
    slices = [file.read_bytes() for file in write_dicom(tmp_path / "slices", head_volume())]
    entries = {f"{number}.dcm": data for number, data in enumerate(slices)}
    entries["7.dcm"] = entries["7.dcm"][:2000]
    (event,) = check_in_worker(archive(tmp_path / "study.zip", entries), 2000)
    assert event["message"].startswith("The slice study/00007.dcm is truncated")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("brain.nii.gz", "brain.nii.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\head.nrrd", "head.nrrd"),
        ("Müller, Jürgen (T1).nii", "Müller_ Jürgen (T1).nii"),
        (".nii.gz", "scan.nii.gz"),
        ("", "scan"),
        ("..", "scan"),
        ("a\0b\n<script>.nii", "a_b__script_.nii"),
        ("x" * 300 + ".nii.gz", "x" * 143 + ".nii.gz"),
        ("脑" * 100 + ".nii.gz", "脑" * 47 + ".nii.gz"),
        ("con.nii.gz", "_con.nii.gz"),
        ("LPT1.zip", "_LPT1.zip"),
        ("aux", "_aux"),
        ("console.nii", "console.nii"),
        (".unpacked", "scan.unpacked"),
        ("{{constructor}}${1}`.mgz", "__constructor____1__.mgz"),
    ],
)
def test_names_are_made_harmless(given, made):
    assert harmless_name(given) == made
