"""The file that is read: what it is made of, found by its name and its content."""

import gzip
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
import pyarrow as pa

Format = Literal["ndjson", "csv", "parquet"]
Compression = Literal["uncompressed", "gzip", "zstd"]

_EXTENSIONS: dict[str, Format] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
}
_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINES = pa.schema(
    [("row_number", pa.int64()), ("raw", pa.large_binary()), ("text", pa.large_string()), ("suspect", pa.bool_())]
)


class UnusableSource(Exception):
    """A file that cannot be loaded at all; the message names it, the fault and the mend."""


@dataclass(frozen=True)
class SourceFile:
    """A file to load: `path` is what DuckDB opens, `name` what people call it."""

    path: Path
    name: str
    format: Format
    compression: Compression

    def open(self) -> IO[bytes]:
        """Open the decompressed bytes."""
        if self.compression == "gzip":
            return io.BufferedReader(gzip.GzipFile(self.path))
        if self.compression == "zstd":
            return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(self.path)), "zstd"))
        return self.path.open("rb")


def detect(path: Path, name: str, wanted: str = "auto") -> SourceFile:
    """Find out the format and compression of a file.

    Magic bytes tell Parquet, gzip and zstd; a first `{` tells NDJSON whatever the name says; else the extension does;
    a text without a known extension is taken for CSV, and nothing at all for NDJSON without lines.

    Raises:
        UnusableSource: when `wanted` contradicts the content, or the content is none of the known formats.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UnusableSource(
            f"{name} cannot be read ({error.strerror}). Give a file that this user may read."
        ) from None
    if magic == b"PAR1":
        if wanted not in ("auto", "parquet"):
            raise UnusableSource(
                f"{name} is a Parquet file, not {wanted}. Leave out --format, or say --format parquet."
            )
        return SourceFile(path, name, "parquet", "uncompressed")
    if wanted == "parquet":
        raise UnusableSource(f"{name} is no Parquet file (it does not begin with PAR1). Leave out --format.")
    compression: Compression = next((kind for start, kind in _MAGIC.items() if magic.startswith(start)), "uncompressed")
    if wanted in ("ndjson", "csv"):
        return SourceFile(path, name, wanted, compression)  # type: ignore[arg-type]
    if wanted != "auto":
        raise UnusableSource(
            f"There is no format {wanted!r}. Legal: auto, ndjson, csv, parquet; other shapes: --mapping."
        )

    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() not in (".gz", ".zst", ".zstd")]
    by_name = _EXTENSIONS.get(suffixes[-1]) if suffixes else None
    try:
        with SourceFile(path, name, "csv", compression).open() as text:
            head = text.read(4096)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise UnusableSource(f"{name} cannot be decompressed ({error}). Fetch it again, whole.") from None
    content = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not content or content.startswith(b"{"):
        return SourceFile(path, name, "ndjson", compression)
    if by_name == "parquet":
        raise UnusableSource(f"{name} is named Parquet but does not begin with PAR1. Rename it, or fetch it again.")
    if by_name is None and b"\0" in head:
        raise UnusableSource(f"{name} is neither NDJSON, CSV nor Parquet. Convert it to one of them.")
    return SourceFile(path, name, "ndjson" if by_name == "ndjson" else "csv", compression)


def read_lines(source: SourceFile, encoding: str = "utf-8", chunk_bytes: int = 8 * 2**20) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a file as Arrow batches (see LINES), a chunk at a time, so memory holds one chunk or one line.

    `raw` is the line's exact bytes without its newline, `text` the same decoded, with U+FFFD for what is no legal
    text; in a batch with such bytes `suspect` is true. A byte order mark before the first line is dropped.
    """
    row_number = 1
    pending: list[bytes] = []
    with source.open() as file:
        first = file.read(chunk_bytes).removeprefix(BYTE_ORDER_MARK)
        chunks = iter(lambda: file.read(chunk_bytes), b"")
        for chunk in itertools.chain([first], chunks):
            end = chunk.rfind(b"\n") + 1
            if not end:
                pending.append(chunk)
                continue
            yield _batch(b"".join([*pending, chunk[:end]]), row_number, encoding)
            row_number += sum(part.count(b"\n") for part in (*pending, chunk[:end]))
            pending = [chunk[end:]]
        rest = b"".join(pending)
        if rest:
            yield _batch(rest + b"\n", row_number, encoding)


def _batch(lines: bytes, row_number: int, encoding: str) -> pa.RecordBatch:
    """Cut whole lines at their newlines without touching one in Python."""
    suspect = False
    text = lines
    try:
        decoded = lines.decode(encoding)
        if encoding != "utf-8":
            text = decoded.encode()
    except UnicodeDecodeError:
        suspect = True
        text = lines.decode(encoding, "replace").encode()
    raw = _split(lines, pa.large_binary())
    count = len(raw)
    columns = [
        pa.array(np.arange(row_number, row_number + count)),
        raw,
        _split(text, pa.large_string()),
        pa.array(np.full(count, suspect)),
    ]
    return pa.record_batch(columns, schema=LINES)


def _split(lines: bytes, kind: pa.DataType) -> pa.Array:
    buffer = np.frombuffer(lines, np.uint8)
    newlines = np.flatnonzero(buffer == 10)
    # the newline itself must not belong to the line, yet Arrow's offsets leave no gap: every second slice is a newline
    offsets = np.empty(2 * len(newlines) + 1, np.int64)
    offsets[0] = 0
    offsets[1::2] = newlines
    offsets[2::2] = newlines + 1
    slices = pa.Array.from_buffers(kind, 2 * len(newlines), [None, pa.py_buffer(offsets), pa.py_buffer(lines)])
    return slices.take(pa.array(np.arange(0, 2 * len(newlines), 2)))
