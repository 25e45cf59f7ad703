# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Loading: files in, batches in landing out. All row work is DuckDB's; Python moves files and counts."""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from ingest import agents, content, countries, privacy, tracking
from ingest.envelope import ENVELOPE_FIELDS, LANDING_COLUMNS, checked, literal, quoted
from ingest.formats import columns, csv, mapping, ndjson, parquet, spend
from ingest.formats.source import SourceFile, UnusableSource, detect, in_utf8
from ingest.landing.batches import BatchReceipt, Source, clear_stale_work, commit, ensure_landing, work_folder
from ingest.landing.duplicates import PARQUET_OPTIONS, settle
from ingest.landing.paths import events_dir, new_batch_id, publish_file, quarantine_dir
from ingest.settings import LoadSettings, project_folder
from ingest.values import value_macros
from ingest.vendors import VENDORS, vendor

Progress = Callable[[str, float], None]

KINDS = ("events", spend.KIND)
# what the readings add to a file's columns
TAKEN_NAMES = ("_row_number", "_raw", "_problem", "_detail", "_columns", "file_row_number")
_COLUMNS = ", ".join(LANDING_COLUMNS)
# faults of the mapping or of DuckDB's reading of it, which no second look at the rows can mend
_FAULTY_QUERY = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.PermissionException)


class LoadFailed(Exception):
    """Some files could not be loaded; `failures` says which and why, `receipts` what was loaded all the same."""

    def __init__(self, failures: list[tuple[str, str]], receipts: list[BatchReceipt]) -> None:
        super().__init__("\n".join(message for _, message in failures))
        self.failures = failures
        self.receipts = receipts


def load(
    paths: Iterable[str | Path],
    home: Path,
    *,
    format: str = "auto",
    kind: str = "events",
    mapping: str | None = None,
    app: str | None = None,
    timezone: str | None = None,
    progress: Progress | None = None,
) -> list[BatchReceipt]:
    """Load files into the landing of `home`, each as one batch that is there whole or not at all.

    Args:
        paths: files, or folders of which all files are taken but those whose name begins with `.` or `_`.
        home: the folder of all state; made where it is missing.
        format: `auto`, `ndjson`, `csv` or `parquet`: files of envelopes.
        kind: `events`, or `spend`: files of money spent on channels (see `ingest.formats.spend`).
        mapping: a bundled mapping's name or a YAML file, for files of another shape.
        app: the app of rows that name none (else the mapping's, else `default`).
        timezone: IANA zone of times without one (else the mapping's, else UTC). A time that a clock change repeats is
            taken as its second occurrence, one that it skips is moved forward by the change.
        progress: called a few times a second with the file's name and the share done, 0 to 1.

    Returns:
        One receipt a file.

    Raises:
        LoadFailed: when a file could not be loaded; the others are, and are in its `receipts`.
    """
    if kind not in KINDS:
        raise LoadFailed([("", f"--kind {kind} is not legal. Write {' or '.join(KINDS)}.")], [])
    if kind == spend.KIND:
        if mapping:
            raise LoadFailed([("", "A file of spend has columns of its own. Leave out --mapping, or --kind.")], [])
        mapping = spend.KIND
    receipts: list[BatchReceipt] = []
    failures: list[tuple[str, str]] = []
    ensure_landing(home)
    clear_stale_work(home)
    for path in paths:
        try:
            files = _files(Path(path))
        except UnusableSource as error:
            failures.append((str(path), str(error)))
            continue
        for file in files:
            try:
                receipts.append(load_file(file, home, format, mapping, app, timezone, progress=progress))
            except UnusableSource as error:
                failures.append((str(file), str(error)))
            except (OSError, duckdb.Error) as error:
                failures.append((str(file), f"{file} was not loaded: {_first_line(error)}."))
    if failures:
        raise LoadFailed(failures, receipts)
    return receipts


def load_file(
    path: Path,
    home: Path,
    format: str = "auto",
    mapping_name: str | None = None,
    app: str | None = None,
    timezone: str | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> BatchReceipt:
    """Load one file as one batch; see `load`. `name` is what the manifest calls the file.

    Raises:
        UnusableSource: when nothing of the file can be loaded.
    """
    # the mapping of spend depends on which columns the file has
    used = mapping.read_mapping(mapping_name) if mapping_name and mapping_name != spend.KIND else None
    if used and format == "auto":
        format = used.source.format
    try:
        zone = mapping.checked_timezone(timezone or (used.timezone if used else "UTC"))
    except ValueError as error:
        raise UnusableSource(f"--timezone: {error}.") from None
    batch_id, loaded_at = new_batch_id()
    with work_folder(home, batch_id) as work:
        link = work / "source"
        link.symlink_to(path.resolve())  # a name that is no pattern to DuckDB, in the only folder it may read
        name = name or str(path)
        text = in_utf8(link, name, work)
        found = detect(text, name, format)
        if text != link:
            found = replace(found, original=link)
        load_app = app or (used.app if used else None) or "default"
        told = (app, timezone)
        with _Load(home, work, batch_id, loaded_at, found, used, mapping_name, load_app, zone, told, progress) as job:
            return job.run()


def make_readers(connection: duckdb.DuckDBPyConnection, settings: LoadSettings, cleaner: privacy.Cleaner) -> None:
    """Make what drafts are read with: on every connection that turns what is sent into events.

    Raises:
        UnusableSource: when the tracking plan is to be kept and cannot be read.
    """
    connection.execute(value_macros())
    connection.execute(content.MACROS)
    agents.make_reader(connection)
    countries.make_reader(connection, settings.country_database)
    privacy.install(connection, cleaner)
    privacy.install_consent(connection, privacy.Consent(settings.consent_categories))
    if settings.plan_violations == "quarantine":
        tracking.make_plan(connection, project_folder())


def admissible(
    draft: str, settings: LoadSettings, cleaner: privacy.Cleaner, app: str, zone: str, loaded_at: datetime
) -> str:
    """The SQL of landing rows of a draft, each with why it is none, if so: see `ingest.envelope.checked`."""
    draft, private = privacy.filtered(privacy.heeded(draft), app, cleaner), privacy.fields(cleaner, app)
    rows = checked(draft, app, zone, loaded_at, settings.max_future_hours, private)
    return tracking.held_to_plan(rows) if settings.plan_violations == "quarantine" else rows


class _Load:
    """The load of one file: read fast where the file is clean, read again with care where it is not."""

    def __init__(
        self,
        home: Path,
        work: Path,
        batch_id: str,
        loaded_at: datetime,
        source: SourceFile,
        used: mapping.Mapping | None,
        mapping_name: str | None,
        app: str,
        zone: str,
        told: tuple[str | None, str | None],
        progress: Progress | None,
    ) -> None:
        self.home, self.work, self.batch_id, self.loaded_at = home, work, batch_id, loaded_at
        self.source, self.mapping, self.mapping_name = source, used, mapping_name
        self.app, self.zone, self.told, self.progress = app, zone, told, progress
        self.vendor = VENDORS.get(source.shape)
        self.settings = LoadSettings()  # type: ignore[call-arg]
        self.cleaner = privacy.cleaner(home)
        self.dialect: csv.Dialect | None = None
        self.columns: dict[str, str] = {}
        self.left_out = 0
        self.unwanted, self.not_stored = privacy.Unwanted(home), Counter[str]()

    def __enter__(self) -> "_Load":
        options: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": str(self.work),
            "memory_limit": self.settings.load_memory_limit,
            "preserve_insertion_order": "false",
        }
        self.connection = duckdb.connect(str(self.work / "stage.duckdb"), config=options)
        self.connection.execute("set enable_progress_bar = true; set enable_progress_bar_print = false")
        # each file is read once, and a server lands some thousand a day, which DuckDB would all remember
        self.connection.execute("set enable_external_file_cache = false")
        self.connection.execute(f"set timezone = {literal(self.zone)}")
        make_readers(self.connection, self.settings, self.cleaner)
        privacy.install_lists(self.connection, self.unwanted)
        self.connection.execute(f"set allowed_directories = [{literal(self.work)}, {literal(events_dir(self.home))}]")
        self.connection.execute(f"set allowed_paths = [{literal(self.source.path.resolve())}]")
        self.connection.execute("set enable_external_access = false; set lock_configuration = true")
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def run(self) -> BatchReceipt:
        self.source.assert_whole()
        self._read_header()
        accepted_file, refused_file = self.work / "accepted.parquet", self.work / "refused.parquet"
        reasons: dict[str, int] = {}
        try:
            good = self._write(f"select {_COLUMNS} from ({self._all_or_error()})", accepted_file)
        except _FAULTY_QUERY as error:
            raise UnusableSource(
                f"{self.mapping_name or self.source.name}: {_first_line(error)}. Correct it."
            ) from None
        except duckdb.Error as error:
            mapping.assert_own_ids(error, self.mapping_name)
            good, reasons = self._split(accepted_file, refused_file)
        else:
            if good and self.unwanted:
                accepted_file, good = self._without_unwanted(accepted_file, good)
        landed, accepted = (accepted_file, 0) if not good else self._settle(accepted_file)
        first, last = self._dates(landed) if accepted else (None, None)
        load_date = self.loaded_at.date()
        final = events_dir(self.home) / f"load_date={load_date}" / f"{self.batch_id}.parquet"
        quarantined = sum(reasons.values())
        receipt = BatchReceipt(
            batch_id=self.batch_id,
            load_date=load_date,
            path=final.relative_to(self.home).as_posix() if accepted else None,
            source=self._describe(),
            app=self.app,
            received=good + quarantined,
            accepted=accepted,
            duplicate=good - accepted,
            quarantined=quarantined,
            left_out=self.left_out,
            suppressed=self.not_stored[privacy.SUPPRESSED],
            opted_out=self.not_stored[privacy.OPTED_OUT],
            quarantined_by_reason=reasons,
            min_event_date=first,
            max_event_date=last,
            loaded_at=self.loaded_at,
            footfall_version=version("footfall"),
            content_version=content.VERSION,
        )
        if accepted:
            publish_file(landed, final)
        if quarantined:
            publish_file(refused_file, quarantine_dir(self.home) / f"{self.batch_id}.parquet")
        commit(self.home, receipt, self.work)
        return receipt

    def _read_header(self) -> None:
        options = self.mapping.source if self.mapping else mapping.SourceOptions()
        if self.source.format == "csv":
            known: Collection[str] = spend.COLUMNS if self.mapping_name == spend.KIND else ENVELOPE_FIELDS
            if self.mapping:
                known = [column.lower() for _, column in mapping.columns_read(self.mapping)]
            self.dialect = csv.dialect(
                self.source,
                options.delimiter,
                options.header,
                options.columns,
                "utf-8" if self.source.original else options.encoding,
                known,
            )
            self.columns = dict.fromkeys(self.dialect.columns, "VARCHAR")
        elif self.source.format == "parquet":
            self.columns = parquet.columns(self.connection, self.source)
        taken = sorted({column for column in self.columns if column.lower() in TAKEN_NAMES})
        if taken:
            raise UnusableSource(f"{self.source.name} names a column {taken[0]!r}, as loading itself does. Rename it.")
        if self.mapping_name == spend.KIND:
            found = None if self.source.format == "ndjson" else self.columns
            self.mapping = spend.mapping_for(found, self.source.name, self.zone)
        elif self.mapping and self.source.format != "ndjson":
            mapping.check_columns(self.mapping, self.columns, self.mapping_name or "", self.source.name)

    def _rows(self, careful: bool) -> str:
        limit = self.settings.max_line_bytes
        if self.source.format == "parquet":
            return parquet.careful_rows(self.source, self.columns) if careful else parquet.rows(self.source)
        if self.dialect:
            if careful:
                return csv.careful_rows(self.connection, self.dialect, limit)
            return csv.rows(self.source, self.dialect, limit)
        return ndjson.careful_objects(limit) if careful else ndjson.objects(self.source)

    def _checked(self, careful: bool) -> str:
        if self.vendor:
            draft = vendor.draft(self._messages(careful), self.vendor)
        elif self.mapping:
            named = None if self.source.format == "ndjson" else self.columns
            draft = mapping.draft(self._rows(careful), self.mapping, named, careful)
        elif self.source.format != "ndjson":
            draft = columns.draft(self._rows(careful), self.columns, self.source.name)
        elif careful:
            draft = ndjson.careful_draft(self._rows(careful))
        else:
            keys = ndjson.other_keys_of(self.connection, self.source, self.settings.key_sample_lines)
            if not keys.are_columns:
                raise duckdb.NotSupportedError("keys that cannot be columns")
            draft = ndjson.draft(self.source, keys, self.settings.max_line_bytes)
        return admissible(draft, self.settings, self.cleaner, self.app, self.zone, self.loaded_at)

    def _messages(self, careful: bool) -> str:
        """The rows of a vendor's file as JSON, whatever they are written in."""
        assert self.vendor
        if self.source.format == "parquet":
            packed = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in self.columns)
            return f"""
                select to_json(struct_pack({packed})) as json, _row_number, _raw, _problem
                from ({self._rows(careful)})"""
        if self.source.format == "text":
            if not careful or not self.vendor.line:
                raise duckdb.NotSupportedError("lines that are no JSON are read with care")
            return ndjson.careful_lines(self.vendor.line, self.settings.max_line_bytes)
        return self._rows(careful)

    def _all_or_error(self) -> str:
        """All rows of a clean file; the first row with a fault is an error."""
        is_good = "case when reject_reason is null then true else error(reject_reason) end"
        return f"select * from ({self._checked(careful=False)}) where {is_good}"

    def _split(self, accepted: Path, refused: Path) -> tuple[int, dict[str, int]]:
        """Write the good and the bad rows of a file apart; return the count of the good and those of the bad."""
        from ingest.formats.lines import line_reader  # Arrow takes its time to import, and a clean file needs none

        try:
            if self.source.format != "parquet":
                encoding = self.dialect.encoding if self.dialect else "utf-8"
                lines = line_reader(self.source, encoding)
                if self.dialect:
                    self.connection.register("lines_once", lines)
                    self._execute("create table lines as from lines_once")
                else:
                    self.connection.register("lines", lines)
            names = self.dialect.columns if self.dialect else ()
            delimiter = self.dialect.delimiter if self.dialect else ","
            privacy.install_for_refused(self.connection, self.cleaner, names, delimiter)
            checked_rows = self._checked(careful=True)
            self._execute(f"""
                create table staged as
                select * replace (
                    case when reject_reason is not null then private_raw(raw, app) end as raw,
                    case when reject_reason is not null then private_detail(detail, app) end as detail
                ) from ({checked_rows})""")
        except _FAULTY_QUERY as error:
            raise UnusableSource(
                f"{self.mapping_name or self.source.name}: {_first_line(error)}. Correct it."
            ) from None
        except (OSError, duckdb.Error) as error:
            mapping.assert_own_ids(error, self.mapping_name)
            if isinstance(error, duckdb.OutOfMemoryException) or "No space left" in str(error):
                raise UnusableSource(
                    f"{self.source.name} was not loaded: {_first_line(error)}. The file is not to blame: free space on "
                    "the disk of the home, or raise FOOTFALL_LOAD_MEMORY_LIMIT, and load it again."
                ) from error
            raise UnusableSource(
                f"{self.source.name} cannot be read to its end ({_first_line(error)}); nothing of it was loaded. "
                "Fetch or write it again, whole."
            ) from error
        if self.mapping and self.mapping.unmatched == "leave_out":
            left = self._execute("delete from staged where reject_reason = 'no_event_matches'")
            self.left_out = int(left[0])
        out = self._execute(f"delete from staged where reject_reason = '{privacy.OPTED_OUT}'")
        self.not_stored[privacy.OPTED_OUT] += int(out[0])
        if self.unwanted and self._count_unwanted("from staged"):
            self._execute(f"delete from staged where {privacy.UNWANTED} is not null")
        good = self._write(f"select {_COLUMNS} from staged where reject_reason is null", accepted)
        reasons = dict(
            self.connection.execute(
                "select reject_reason, count(*) from staged where reject_reason is not null group by all order by all"
            ).fetchall()
        )
        self._write(
            f"""select {literal(self.batch_id)} as batch_id, {literal(self.source.name)} as source, row_number,
                reject_reason as reason, left(detail, 1000) as detail, raw
            from staged where reject_reason is not null order by row_number""",
            refused,
        )
        return good, reasons

    def _write(self, query: str, path: Path) -> int:
        row = self._execute(f"copy ({query}) to {literal(path)} ({PARQUET_OPTIONS})")
        return int(row[0])

    def _without_unwanted(self, accepted: Path, good: int) -> tuple[Path, int]:
        """Leave out events of persons of whom nothing is stored; return the file and how many are left."""
        rows, kept = f"from read_parquet({literal(accepted)})", self.work / "kept.parquet"
        if not self._count_unwanted(rows):
            return accepted, good
        left = self._write(f"select {_COLUMNS} {rows} where {privacy.UNWANTED} is null", kept)
        accepted.unlink()
        return kept, left

    def _count_unwanted(self, rows: str) -> int:
        """Count by the lists that they are in those of whom nothing is stored."""
        asked = f"select {privacy.UNWANTED} as list, count(*) {rows} where list is not null group by all"
        found = dict(self.connection.execute(asked).fetchall())
        self.not_stored.update(found)
        return sum(found.values())

    def _settle(self, accepted: Path) -> tuple[Path, int]:
        def cleaned(rows: str) -> str:
            return privacy.without_personal(rows, self.cleaner)

        return settle(self.connection, accepted, self.work / "settled.parquet", self.home, cleaned)

    def _dates(self, landed: Path) -> tuple[date, date]:
        row: Any = self.connection.execute(
            f"select min(event_date), max(event_date) from read_parquet({literal(landed)})"
        ).fetchone()
        return row[0], row[1]

    def _describe(self) -> Source:
        with (self.source.original or self.source.path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            size = file.tell()
        header = self.dialect.header if self.dialect else None
        if self.source.format == "parquet":
            header = json.dumps(self.columns)
        return Source(
            name=self.source.name,
            sha256=digest.hexdigest(),
            bytes=size,
            format=self.source.shape,
            mapping=self.mapping_name,
            timezone=self.zone,
            told_app=self.told[0],
            told_timezone=self.told[1],
            header=header,
            encoding=self.dialect.encoding if self.dialect else "utf-8",
        )

    def _execute(self, query: str) -> Any:
        """Run a query, reporting its progress from beside it."""
        if not self.progress:
            return self.connection.execute(query).fetchone()
        done = threading.Event()

        def report() -> None:
            while not done.wait(0.2):
                share = self.connection.query_progress()
                if self.progress and share >= 0:
                    self.progress(self.source.name, share / 100)

        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            return self.connection.execute(query).fetchone()
        finally:
            done.set()
            reporter.join()


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise UnusableSource(f"There is no file {path}. Check the path.")
    if not path.is_dir():
        if not path.is_file():
            raise UnusableSource(f"{path} is neither a file nor a folder. Write what it gives into a file first.")
        return [path]
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )
    if not files:
        raise UnusableSource(f"The folder {path} holds no files. Name one that does.")
    return files


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error).split("\n\n")[0]).strip().rstrip(".")
