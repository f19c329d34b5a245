"""Headers of NRRD and MetaImage: what ITK would read in another file is seen, or refused."""

from __future__ import annotations

import time

import numpy as np
import pytest
import SimpleITK as sitk
from HypothalamusSegLib.errors import CorruptFileError, HypothalamusSegError
from HypothalamusSegLib.geometry.voxel_image import image_from_volume
from HypothalamusSegLib.reading import read_scan
from HypothalamusSegLib.reading.text_header import read_metaimage_header, read_nrrd_header

from Testing.support.scan_files import head_volume, replaced, write_scan

SECRET = b"the server's secret, "
MEGABYTE = 1 << 20
PADDING = {
    "none": b"",
    "some": b"# padding\n" * 100,
    "long": (b"#" * 99 + b"\n") * (MEGABYTE // 100 + 1),
}


@pytest.fixture
def secret(tmp_path):
    """A file of the server, large enough for a scan's voxels."""
    size = head_volume().array.nbytes
    path = tmp_path / "elsewhere" / "secret"
    path.parent.mkdir()
    path.write_bytes((SECRET * (size // len(SECRET) + 1))[:size])
    return path


def opened_by_itk(path, reader: str, secret) -> bool:
    """Whether ITK itself reads the secret for this file."""
    try:
        image = sitk.ReadImage(str(path), imageIO=reader)
    except RuntimeError:
        return False
    voxels = sitk.GetArrayViewFromImage(image)
    return voxels.dtype == np.int16 and voxels.tobytes()[:64] == secret.read_bytes()[:64]


def says_elsewhere(read_header, path) -> bool:
    """Whether our parser sees the other file, or refuses the header."""
    try:
        return read_header(path).data_file is not None
    except CorruptFileError:
        return True


NRRD_SPELLINGS = [
    "data file: {}",
    "datafile: {}",
    "DATA FILE: {}",
    "Data File:   \t{}",
    "data file: LIST\n{}",
    "data file: LIST 3\n{}",
    "comment:=x\rdata file: {}",
    "# comment\rdatafile: {}",
    "key:=value: more\r\ndata file: {}",
    "data file:{}",
    " data file: {}",
    "data file := {}\ndata file: {}",
]

# ITK refuses these itself, the list because one slice a file is meant.
NOT_ITKS = ("data file:{}", " data file: {}", "data file: LIST\n{}")


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("spelling", NRRD_SPELLINGS)
def test_no_spelling_hides_another_file_from_the_nrrd_parser(tmp_path, secret, spelling, padding):
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(image_from_volume(head_volume()), str(path))
    head = path.read_bytes().partition(b"\n\n")[0]
    line = spelling.replace("{}", str(secret)).encode()
    end = b"\n" if "LIST" in spelling else b"\n\n"
    path.write_bytes(head + b"\n" + PADDING[padding] + line + end)
    if spelling not in NOT_ITKS:
        assert opened_by_itk(path, "NrrdImageIO", secret)  # the attack is real
    assert says_elsewhere(read_nrrd_header, path)


META_TRICKS = {
    "plain": "ElementDataFile = {}",
    "colon": "ElementDataFile : {}",
    "decoy in another case": "elementdatafile = LOCAL\nElementDataFile = {}",
    "decoy with blanks": " ElementDataFile  == {}",
    "decoy as the value of the line before": "Comment = \nElementDataFile = LOCAL\n"
    "ElementDataFile = {}",
    "decoy behind a name without a value": "Comment\nElementDataFile = LOCAL\nElementDataFile = {}",
    "decoy behind too few numbers": "ElementMin =\nElementDataFile = LOCAL\nElementDataFile = {}",
    "decoy in a carriage return": "Comment = x\rElementDataFile = LOCAL\nElementDataFile = {}",
    "decoy after a long line": "Comment = " + "x" * 600 + "\nElementDataFile = {}",
    "list": "ElementDataFile = LIST\n{}",
    "pattern": "ElementDataFile = {}%d 1 1 1",
    "local with more": "ElementDataFile = LOCAL/../{}",
}


@pytest.mark.parametrize("padding", ["none", "some", "long"])
@pytest.mark.parametrize("trick", META_TRICKS)
def test_no_trick_hides_another_file_from_the_metaimage_parser(tmp_path, secret, trick, padding):
    path = write_scan(tmp_path / "a.mha", head_volume())
    head = path.read_bytes().partition(b"ElementDataFile")[0]
    comments = PADDING[padding].replace(b"#" * 9, b"Comment =")
    comments = comments.replace(b"# padding", b"Comment = x")
    text = META_TRICKS[trick].replace("{}", str(secret)).encode()
    path.write_bytes(head + comments + text + b"\n")
    assert says_elsewhere(read_metaimage_header, path)


def test_the_issues_two_attacks_are_real_and_refused(tmp_path, secret):
    """As reproduced on 0.1.0: the voxels of any file came back as a scan."""
    from Web.upload_checks import check_upload

    nrrd = tmp_path / "a.nrrd"
    sitk.WriteImage(image_from_volume(head_volume()), str(nrrd))
    head = nrrd.read_bytes().partition(b"\n\n")[0]
    nrrd.write_bytes(head + b"\n" + PADDING["long"] + f"data file: {secret}\n\n".encode())
    meta = write_scan(tmp_path / "a.mha", head_volume())
    head = meta.read_bytes().partition(b"ElementDataFile")[0]
    comments = (b"Comment = " + b"x" * 80 + b"\n") * (MEGABYTE // 90 + 1)
    decoy = b"elementdatafile = LOCAL\n"
    meta.write_bytes(head + decoy + comments + f"ElementDataFile = {secret}\n".encode())
    for path, reader in ((nrrd, "NrrdImageIO"), (meta, "MetaImageIO")):
        assert opened_by_itk(path, reader, secret)
        with pytest.raises(HypothalamusSegError):
            read_scan(path)
        with pytest.raises(HypothalamusSegError):
            check_upload(path, 64 * MEGABYTE)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_header_that_is_nothing_but_line_ends_is_refused_at_once(tmp_path, suffix):
    """Four of these kept another visitor's scan waiting for three minutes."""
    from Web.upload_checks import check_upload

    path = tmp_path / f"a{suffix}"
    path.write_bytes((b"NRRD0004" if suffix == ".nrrd" else b"NDims = 3") + b"\n" * MEGABYTE * 4)
    began = time.process_time()
    with pytest.raises(HypothalamusSegError):
        check_upload(path, 64 * MEGABYTE)
    path.write_bytes((b"NRRD0004\n" if suffix == ".nrrd" else b"") + b"a:=\r" * MEGABYTE)
    with pytest.raises(HypothalamusSegError):
        check_upload(path, 64 * MEGABYTE)
    # Of the processor, whatever else it does; the square of so many lines takes ten minutes.
    assert time.process_time() - began < 60


def test_a_header_of_64_kilobytes_is_the_longest(tmp_path):
    path = write_scan(tmp_path / "a.nrrd", head_volume())
    head, _, voxels = path.read_bytes().partition(b"\n\n")
    for size, is_read in ((60_000, True), (66_000, False)):
        path.write_bytes(head + b"\nnote:=" + b"x" * size + b"\n\n" + voxels)
        if is_read:
            assert read_scan(path).volume.array.shape == head_volume().array.shape
        else:
            with pytest.raises(CorruptFileError, match="64 kB"):
                read_scan(path)


def test_both_formats_are_read_with_the_lines_of_other_systems(tmp_path):
    expected = head_volume().array
    for suffix, end in ((".nrrd", b"\n\n"), (".mha", b"ElementDataFile = LOCAL\n")):
        path = write_scan(tmp_path / f"a{suffix}", head_volume())
        head, _, voxels = path.read_bytes().partition(end)
        path.write_bytes((head + end).replace(b"\n", b"\r\n") + voxels)
        np.testing.assert_array_equal(read_scan(path).volume.array, expected)


def test_detached_voxels_beside_the_header_are_still_read(tmp_path):
    """On the command line, where the header is the user's own."""
    for suffix in (".nhdr", ".mhd"):
        path = write_scan(tmp_path / f"head{suffix}", head_volume())
        np.testing.assert_array_equal(read_scan(path).volume.array, head_volume().array)
    detached = (tmp_path / "head.nhdr").rename(tmp_path / "head.nrrd")
    np.testing.assert_array_equal(read_scan(detached).volume.array, head_volume().array)


def test_a_list_of_voxel_files_is_still_read(tmp_path):
    volume = head_volume()
    slices = []
    for k in range(volume.array.shape[2]):
        name = f"slice{k:03d}.raw"
        (tmp_path / name).write_bytes(volume.array[:, :, k].tobytes(order="F"))
        slices.append(name)
    for suffix, end, listed in (
        (".nhdr", b"data file: head.raw", "data file: LIST"),
        (".mhd", b"ElementDataFile = head.raw", "ElementDataFile = LIST"),
    ):
        path = write_scan(tmp_path / f"head{suffix}", volume)
        replaced(path, end, "\n".join([listed, *slices]).encode())
        np.testing.assert_array_equal(read_scan(path).volume.array, volume.array)
