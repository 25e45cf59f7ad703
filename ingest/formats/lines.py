"""The lines of a text file as Arrow batches, bytes and text side by side: for the careful reading of NDJSON and CSV."""

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ingest.formats.source import BYTE_ORDER_MARK, SourceFile

LINES = pa.schema(
    [("row_number", pa.int64()), ("raw", pa.large_binary()), ("text", pa.large_string()), ("suspect", pa.bool_())]
)


def line_reader(source: SourceFile, encoding: str = "utf-8", chunk_bytes: int = 8 * 2**20) -> pa.RecordBatchReader:
    """Return the lines of a file as a stream of Arrow batches (see LINES); memory holds one chunk, or one line.

    `raw` is the line's exact bytes without its newline, `text` the same decoded, with U+FFFD for what is no legal
    text; in a batch with such bytes `suspect` is true. A byte order mark before the first line is dropped.
    """
    return pa.RecordBatchReader.from_batches(LINES, _batches(source, encoding, chunk_bytes))


def _batches(source: SourceFile, encoding: str, chunk_bytes: int) -> Iterator[pa.RecordBatch]:
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
