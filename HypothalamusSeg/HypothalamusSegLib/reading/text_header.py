"""Text headers of NRRD and MetaImage files, read as ITK reads them.

ITK opens any file that a header names. This module must therefore read the header exactly as ITK
does: same line ends, same spelling, and no line that the two could read differently. Ambiguous
headers and headers longer than 64 kB are refused.

Rules after ITK's NrrdIO (`airOneLine`, `_nrrdReadNrrdParseField`) and MetaIO (`MET_Read`).

Examples
--------
>>> header = read_nrrd_header(Path("head.nrrd"))  # doctest: +SKIP
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptFileError

LONGEST_HEADER_BYTES = 1 << 16
NRRD_MAGIC = re.compile(rb"NRRD(00\.01|000[1-9])")
NRRD_LINE_END = re.compile(rb"\r\n|\r|\n")
# MetaIO reads lines into 500 bytes and splits longer ones.
LONGEST_METAIMAGE_LINE = 480
CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
LOCAL = ("LOCAL", "Local", "local")
# MetaIO takes numbers missing on a line from the next one. Number of values it expects: a
# constant, or a power of the number of dimensions.
ONE, A_DIMENSION, A_MATRIX, FOUR = "one", "dimension", "matrix", "four"
METAIMAGE_NUMBERS = {
    **dict.fromkeys(("NDims", "ID", "ParentID", "CompressedDataSize", "HeaderSize"), ONE),
    **dict.fromkeys(("ElementMin", "ElementMax", "ElementNumberOfChannels", "ElementNBits"), ONE),
    **dict.fromkeys(("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"), ONE),
    **dict.fromkeys(("Offset", "Position", "Origin", "CenterOfRotation"), A_DIMENSION),
    **dict.fromkeys(("ElementSpacing", "ElementSize", "DimSize", "ImagePosition"), A_DIMENSION),
    **dict.fromkeys(("TransformMatrix", "Rotation", "Orientation"), A_MATRIX),
    **dict.fromkeys(("Color", "SequenceID"), FOUR),
}


@dataclass(frozen=True)
class TextHeader:
    """The content of a header.

    Attributes
    ----------
    fields : dict of str to str
        NRRD: names in lower case without spaces. MetaImage: unchanged, because MetaIO is
        case-sensitive.
    data_offset : int
        Offset of the first byte after the header.
    data_file : str or None
        Location of the voxels, as written: a file name, a list or a numbered pattern; None if they
        follow the header.
    """

    fields: dict[str, str]
    data_offset: int
    data_file: str | None


def read_nrrd_header(path: Path) -> TextHeader:
    """Read the header of a NRRD file, attached or detached.

    Raises
    ------
    CorruptFileError
        No NRRD header, one longer than 64 kB, or one that ITK could read differently.
    """
    fields: dict[str, str] = {}
    lines = _nrrd_lines(path)
    first, offset = next(lines, (b"", 0))
    if not NRRD_MAGIC.fullmatch(first):
        raise CorruptFileError(
            "The beginning of {path} does not match its file type. Copy or export it again.",
            path=path,
        )
    is_complete = False
    for line, line_end in lines:
        offset = line_end
        if not line:
            is_complete = True
            break
        if line.startswith(b"#"):
            continue
        name, found, value = line.partition(b": ")
        if b":=" in name:
            continue
        if not found or CONTROL_CHARACTERS.search(line):
            raise _unclear_line_error(path, line)
        key = name.decode("latin-1").lower().replace(" ", "")
        if key in fields:
            raise _unclear_line_error(path, line)
        fields[key] = value.decode("utf-8", "replace").strip()
        # A list is followed by file names, up to the end of the header.
        if key == "datafile" and fields[key].upper().startswith("LIST"):
            break
    data_file = fields.get("datafile")
    if data_file is None and not is_complete:
        raise _endless_header_error(path)
    return TextHeader(fields, offset, data_file)


def read_metaimage_header(path: Path) -> TextHeader:
    """Read the header of a MetaImage file, attached or detached.

    Raises
    ------
    CorruptFileError
        No MetaImage header, one longer than 64 kB, or one that ITK could read differently.
    """
    start = _read_beginning(path)
    fields: dict[str, str] = {}
    offset = 0
    while offset < len(start):
        end = start.find(b"\n", offset)
        line = start[offset : end if end >= 0 else None]
        offset = end + 1 if end >= 0 else len(start)
        text = line.removesuffix(b"\r")
        if not text.strip(b" \t"):
            continue
        name, value = _metaimage_field(path, text, fields)
        if name == "ElementDataFile":
            if end < 0 and len(start) == LONGEST_HEADER_BYTES:
                break
            fields[name] = value
            return TextHeader(fields, offset, None if value in LOCAL else value)
        fields[name] = value
    if len(start) == LONGEST_HEADER_BYTES:
        raise _endless_header_error(path)
    raise CorruptFileError(
        "{path} is not a valid MetaImage file, or is damaged. Copy or export it again.", path=path
    )


def _metaimage_field(path: Path, line: bytes, fields: dict[str, str]) -> tuple[str, str]:
    """Split a line into name and value; refuses lines that MetaIO would read differently."""
    matched = re.match(rb"[ \t]*([^=:]*)[=:]", line)
    if not matched or len(line) > LONGEST_METAIMAGE_LINE or CONTROL_CHARACTERS.search(line):
        raise _unclear_line_error(path, line)
    name = matched[1].decode("latin-1").strip(" \t")
    value = line[matched.end() :].lstrip(b"=: \t").decode("utf-8", "replace").strip()
    is_misspelt = name.lower() == "elementdatafile" and name != "ElementDataFile"
    is_repeated = name in fields and name != "Comment"
    if not name or not value or is_misspelt or is_repeated:
        raise _unclear_line_error(path, line)
    if name in METAIMAGE_NUMBERS:
        _check_numbers(path, line, value.split(), METAIMAGE_NUMBERS[name], fields)
    return name, value


def _check_numbers(
    path: Path, line: bytes, words: list[str], wanted: str, fields: dict[str, str]
) -> None:
    try:
        numbers = [float(word) for word in words]
        dimensions = int(fields.get("NDims", "0"))
    except ValueError as error:
        raise _unclear_line_error(path, line) from error
    counts = {ONE: 1, FOUR: 4, A_DIMENSION: dimensions, A_MATRIX: dimensions**2}
    if not 0 < counts[wanted] <= len(numbers):
        raise _unclear_line_error(path, line)


def _nrrd_lines(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield lines without line ends, each with the offset of the next line."""
    start = _read_beginning(path)
    offset = 0
    for end in NRRD_LINE_END.finditer(start):
        yield start[offset : end.start()], end.end()
        offset = end.end()
    if len(start) == LONGEST_HEADER_BYTES:
        raise _endless_header_error(path)
    # ITK ignores a last line without a line end; a file name there must not be missed.
    if offset < len(start):
        yield start[offset:], len(start)


def _read_beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LONGEST_HEADER_BYTES)


def _unclear_line_error(path: Path, line: bytes) -> CorruptFileError:
    shown = line[:60].decode("ascii", "backslashreplace")
    return CorruptFileError(
        "{path} has a header line that cannot be read: {line}. Copy or export it again.",
        path=path,
        line=repr(shown),
    )


def _endless_header_error(path: Path) -> CorruptFileError:
    return CorruptFileError(
        "{path} has no end of the header in its first {kilobytes} kB. It is "
        "truncated or damaged, or its content does not match its name. Copy or export it again.",
        path=path,
        kilobytes=LONGEST_HEADER_BYTES >> 10,
    )
