"""The file that is read: what it is made of, found by its name and its content."""

import codecs
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from ingest.vendors import VENDORS
from ingest.vendors.recognise import recognised

Format = Literal["ndjson", "csv", "parquet", "text"]
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
_DAMAGE = (OSError, EOFError, zlib.error)  # what the readers of compressed bytes raise
PARQUET_MAGIC = b"PAR1"
_LONGEST_FIRST_LINE = 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnusableSource(Exception):
    """A file that cannot be loaded at all; the message names it, the fault and the mend."""


@dataclass(frozen=True)
class SourceFile:
    """A file to load: `path` is what DuckDB opens, `name` what people call it, `original` what it was made from."""

    path: Path
    name: str
    format: Format
    compression: Compression
    vendor: str | None = None
    original: Path | None = None

    @property
    def shape(self) -> str:
        """What the rows are: a vendor's messages, or envelopes in this format."""
        return self.vendor or self.format

    def open(self) -> IO[bytes]:
        """Open the decompressed bytes."""
        if self.compression == "gzip":
            return io.BufferedReader(gzip.GzipFile(self.path))
        if self.compression == "zstd":
            import pyarrow as pa

            return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(self.path)), "zstd"))
        return self.path.open("rb")

    def assert_whole(self) -> None:
        """Read a compressed file to its end, because DuckDB takes one that is cut short for one that ends there.

        Raises:
            UnusableSource: when its end is missing, or its checksum is not that of its bytes.
        """
        if self.compression == "uncompressed":
            return
        try:
            with self.open() as text:
                while text.read(2**20):
                    pass
        except _DAMAGE as error:
            raise _damaged(self.name, error) from None


def detect(path: Path, name: str, wanted: str = "auto") -> SourceFile:
    """Find out the format and compression of a file.

    Magic bytes tell Parquet, gzip and zstd; the first line tells the export of a vendor; a first `{` tells NDJSON
    whatever the name says; else the extension does;
    a text without a known extension is taken for CSV, and nothing at all for NDJSON without lines.

    Raises:
        UnusableSource: when `wanted` contradicts the content, or the content is none of the known formats.
    """
    try:
        magic = _first_bytes(path)
    except OSError as error:
        raise UnusableSource(
            f"{name} cannot be read ({error.strerror}). Give a file that this user may read."
        ) from None
    if magic == PARQUET_MAGIC:
        if wanted in VENDORS:
            return SourceFile(path, name, "parquet", "uncompressed", wanted)
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
    if wanted != "auto" and wanted not in VENDORS:
        raise UnusableSource(
            f"There is no format {wanted!r}. Legal: auto, ndjson, csv, parquet, {', '.join(VENDORS)}; other shapes: "
            "--mapping."
        )

    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() not in (".gz", ".zst", ".zstd")]
    by_name = _EXTENSIONS.get(suffixes[-1]) if suffixes else None
    try:
        with SourceFile(path, name, "csv", compression).open() as text:
            head = text.read(4096)
            first_line = (head + text.readline(_LONGEST_FIRST_LINE)).removeprefix(BYTE_ORDER_MARK).lstrip()
            first_line = first_line.split(b"\n", 1)[0]
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    vendor = wanted if wanted in VENDORS else recognised(first_line)
    if vendor:
        is_json = first_line.startswith(b"{") or not VENDORS[vendor].line
        return SourceFile(path, name, "ndjson" if is_json else "text", compression, vendor)
    content = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not content or content.startswith(b"{"):
        return SourceFile(path, name, "ndjson", compression)
    if by_name == "parquet":
        raise UnusableSource(f"{name} is named Parquet but does not begin with PAR1. Rename it, or fetch it again.")
    if by_name is None and b"\0" in head:
        raise UnusableSource(f"{name} is neither NDJSON, CSV nor Parquet. Convert it to one of them.")
    return SourceFile(path, name, "ndjson" if by_name == "ndjson" else "csv", compression)


def too_long(size: str, limit: int) -> str:
    """Return the SQL of what is said of a row of `size` bytes (SQL) that is longer than `limit`."""
    return f"{size} || ' bytes, of {limit} that FOOTFALL_MAX_LINE_BYTES allows'"


def in_utf8(path: Path, name: str, folder: Path) -> Path:
    """Return the file itself, or, of UTF-16 text with its byte order mark, a copy in UTF-8 in `folder`.

    Raises:
        UnusableSource: when it begins as UTF-16 and goes on as something else.
    """
    try:
        magic = _first_bytes(path)
    except OSError:
        return path
    compression: Compression = next((kind for start, kind in _MAGIC.items() if magic.startswith(start)), "uncompressed")
    try:
        with SourceFile(path, name, "csv", compression).open() as source:
            if source.read(2) not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                return path
        copy = folder / "source.utf8"
        with (
            io.TextIOWrapper(SourceFile(path, name, "csv", compression).open(), "utf-16", newline="") as text,
            copy.open("w", encoding="utf-8", newline="") as written,
        ):
            while part := text.read(2**20):
                written.write(part)
    except UnicodeError as error:
        raise UnusableSource(
            f"{name} begins as UTF-16 text but is not that to its end ({error}). Save it as UTF-8."
        ) from None
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    return copy


def _damaged(name: str, error: Exception) -> UnusableSource:
    return UnusableSource(
        f"{name} is damaged: it cannot be decompressed to its end ({error}); nothing of it was loaded. "
        "Fetch or write it again, whole."
    )


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does."""
    return _first_bytes(path) == PARQUET_MAGIC


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)
