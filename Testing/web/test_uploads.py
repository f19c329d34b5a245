"""What the web page takes as a scan, and what it refuses before reading it."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
import zlib

import nibabel
import numpy as np
import pytest
from HypothalamusSegLib.errors import HypothalamusSegError

from Testing.support.command_runs import REPOSITORY, environment
from Testing.support.scan_files import (
    head_volume,
    patched,
    replaced,
    write_dicom,
    write_nifti,
    write_scan,
)
from Testing.support.uploads import MOST_BYTES, archive, refusal
from Web.upload_checks import UploadTooLargeError, check_upload
from Web.uploads import harmless_name


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mgz", ".mgh", ".mha"])
def test_every_format_is_taken(tmp_path, suffix):
    checked = check_upload(write_scan(tmp_path / f"head{suffix}", head_volume()), MOST_BYTES)
    assert checked.name == "head"
    assert checked.shape == head_volume().array.shape
    assert checked.spacing_mm == (2.0, 2.0, 2.0)


def test_flags_of_reading_are_told_at_once(tmp_path):
    volume = head_volume(dtype="float32")
    volume.array[0, 0, 0] = np.nan
    checked = check_upload(write_scan(tmp_path / "head.nii", volume), MOST_BYTES)
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
    task = json.dumps({"request": "check", "id": "1", "input": str(path), "most_bytes": MOST_BYTES})
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
