# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""CSV: separated columns under a header, quoted as RFC 4180 says."""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from ingest.envelope import ENVELOPE_FIELDS, literal, quoted
from ingest.formats.source import BYTE_ORDER_MARK, SourceFile, UnusableSource, too_long

DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written; `columns` are its header's names, or the given ones where it has no header."""

    delimiter: str
    has_header: bool
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    header: str | None = None
    lines_before: int = 0

    @property
    def first_row(self) -> int:
        """The number of lines before the first row."""
        return self.lines_before + self.has_header


def dialect(
    source: SourceFile,
    delimiter: str | None = None,
    header: bool = True,
    names: tuple[str, ...] = (),
    encoding: str = "utf-8",
    known: Collection[str] = ENVELOPE_FIELDS,
) -> Dialect:
    """Read the header of a file; without a given delimiter the one that cuts most known fields out of it is taken.

    Raises:
        UnusableSource: when the header is missing, is no text, or names a column twice.
    """
    with source.open() as file:
        first = file.readline(2**24).removeprefix(BYTE_ORDER_MARK).rstrip(b"\r\n")
        # Excel says its delimiter in a line of its own
        told = re.fullmatch(rb"sep=(.)", first)
        if told:
            delimiter = told[1].decode("latin-1")
            first = file.readline(2**24).rstrip(b"\r\n")
    try:
        line = first.decode(encoding)
    except UnicodeDecodeError:
        raise UnusableSource(
            f"The header of {source.name} is not {encoding} text. Say its encoding in a mapping."
        ) from None
    if not header:
        return Dialect(delimiter or ",", False, names, encoding, lines_before=int(bool(told)))
    each_delimiter = [delimiter or ",", *DELIMITERS]
    try:
        candidates = {each: tuple(next(csv.reader([line], delimiter=each), [])) for each in each_delimiter}
    except csv.Error as error:
        raise UnusableSource(
            f"The header of {source.name} cannot be read ({error}). End its lines with a line feed."
        ) from None
    chosen = delimiter or max(
        candidates,
        key=lambda each: (len({name.strip().lower() for name in candidates[each]} & set(known)), each == ","),
    )
    columns = tuple(name.strip() or f"column_{number}" for number, name in enumerate(candidates[chosen], 1))
    lowered = [name.lower() for name in columns]
    twice = sorted({name for name in columns if lowered.count(name.lower()) > 1})
    if twice:
        raise UnusableSource(
            f"{source.name} names the column {twice[0]!r} twice. Rename one of them in its first line."
        )
    if "\0" in line:
        raise UnusableSource(f"The header of {source.name} holds a NUL byte. Remove it.")
    head = f"sep={chosen}\n{line}" if told else line
    return Dialect(chosen, True, columns, encoding, head, int(bool(told)))


def rows(source: SourceFile, dialect: Dialect, max_line_bytes: int) -> str:
    """The rows of a clean file as text columns; DuckDB raises on the first row that is not well-formed."""
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in dialect.columns)
    has_nul = " or ".join(f"contains({quoted(name)}, chr(0))" for name in dialect.columns)
    return f"""
        select *, null::bigint as _row_number, null::blob as _raw, null::varchar as _detail,
            case when {has_nul} then 'nul_byte' end as _problem
        from read_csv({literal(source.path)}, auto_detect = false, delim = {literal(dialect.delimiter)}, quote = '"',
            escape = '"', header = {str(dialect.has_header).lower()}, columns = {{{types}}}, nullstr = '',
            skip = {dialect.lines_before}, encoding = {literal(dialect.encoding)}, max_line_size = {max_line_bytes},
            compression = {literal(source.compression)})"""


def careful_rows(connection: duckdb.DuckDBPyConnection, dialect: Dialect, max_line_bytes: int) -> str:
    """The rows of any file, from its `lines`, each with its bytes and with what is wrong with it.

    Lines are joined where a quoted field runs over their ends; a record that makes no sense joined is taken as the
    single lines it is made of, so that one lost quote does not swallow its neighbours.
    """
    d = dialect.delimiter
    edge = f"(^|{_regex(d)}){_blanks(d)}"

    def stays_open(text: str) -> str:
        closed = f"""regexp_replace({text}, '{edge}"[^"]*"', '\\1', 'g')"""
        return f"""regexp_matches({closed}, '{edge}"')"""

    inside = "'x' || substr(bare, strpos(bare, '\"') + 1)"
    bad_bytes = "case when contains(text, chr(0)) then 'nul_byte' when is_bad_utf8 then 'invalid_utf8' end"
    # each line maps the state it starts in (inside a quoted field or not) to the one it ends in: some lines set it,
    # some flip it, most keep it, so the state after a line is the last one set, flipped as often as was flipped since
    connection.execute(f"""
        create or replace table marks as
        select row_number, raw, text as line, rtrim(text, chr(13)) as text,
            suspect and try(decode(raw)) is null as is_bad_utf8,
            replace(text, '""', '') as bare,
            case when contains(bare, '"') then {stays_open("rtrim(bare, chr(13))")} else false end as ends_from_outside,
            case when contains(bare, '"') then {stays_open(inside)} else true end as ends_from_inside
        from lines where row_number > {dialect.first_row}""")
    connection.execute(f"""
        create or replace table records as
        with settings as (
            select row_number, ends_from_outside = ends_from_inside as is_set, ends_from_outside,
                ends_from_outside and not ends_from_inside as is_flip, count(*) filter (is_set) over history as era
            from marks window history as (order by row_number)
        ),
        states as (
            select row_number,
                (coalesce(first(ends_from_outside and is_set) over era, false)::int
                    + count(*) filter (is_flip) over era) % 2 = 1 as ends_inside
            from settings window era as (partition by era order by row_number)
        ),
        numbered as (
            select row_number, count(*) filter (not coalesce(starts_inside, false)) over (order by row_number) as record
            from (select row_number, lag(ends_inside) over (order by row_number) as starts_inside from states)
        ),
        joined as (
            select record, min(row_number) as row_number, count(*) as lines, sum(octet_length(raw)) as bytes
            from numbered join marks using (row_number) group by record
        ),
        texts as (
            select record, rtrim(string_agg(line, chr(10) order by row_number), chr(13)) as text,
                unhex(string_agg(hex(raw), '0A' order by row_number)) as raw, bool_or(is_bad_utf8) as is_bad_utf8
            from numbered join marks using (row_number) join joined using (record)
            where joined.lines > 1 and joined.bytes <= {max_line_bytes} group by record
        ),
        whole as (
            select record, joined.row_number, texts.raw, texts.text, is_bad_utf8, {_fields("texts.text", d)} as fields
            from texts join joined using (record)
            where {_is_well_formed("texts.text", d, dialect)}
        )
        select row_number, raw, text, fields, {bad_bytes} as problem from whole
        union all
        select marks.row_number, raw, text, {_fields("text", d)} as fields, {bad_bytes} as problem
        from marks join numbered using (row_number) anti join whole using (record)
        where text <> ''""")
    select = ", ".join(
        f"case when problem is null then nullif({_value(f'fields[{position}]')}, '') end as {quoted(name)}"
        for position, name in enumerate(dialect.columns, 1)
    )
    return f"""
        select {select}, row_number as _row_number, raw as _raw, problem as _problem, case problem
                when 'line_too_long' then {too_long("octet_length(raw)", max_line_bytes)}
                when 'malformed_quotes' then 'a field that begins with a quote must end with one, quotes inside doubled'
                when 'wrong_number_of_columns'
                    then 'expected {len(dialect.columns)} columns, found ' || greatest(1, len(fields))
                when 'nul_byte' then 'the row holds a NUL byte'
                when 'invalid_utf8' then 'the row is not {dialect.encoding} text'
            end as _detail
        from (
            select row_number, raw, fields, case
                when problem is not null then problem
                when octet_length(raw) > {max_line_bytes} then 'line_too_long'
                when not {_is_quoted_well("text", "fields")} then 'malformed_quotes'
                when not {_is_complete("fields", dialect)} then 'wrong_number_of_columns'
            end as problem
            from records
        )"""


def _fields(text: str, delimiter: str) -> str:
    """The fields of a record as written, quotes included, and blanks around quotes, which DuckDB's reader allows."""
    d, blanks = _regex(delimiter), _blanks(delimiter)
    field = f'{blanks}"(?:[^"]|"")*"{blanks}'
    return f"""regexp_extract_all({literal(delimiter)} || {text}, '{d}({field}|[^{d}]*)', 1)"""


def _blanks(delimiter: str) -> str:
    """The pattern of blanks around quotes: none where a blank is what separates fields."""
    return "" if delimiter == " " else " *"


def _is_complete(fields: str, dialect: Dialect) -> str:
    """Whether a record has all its fields; DuckDB's reader allows one blank too many at a line's end."""
    columns = len(dialect.columns)
    more = f" or (len({fields}) = {columns + 1} and {fields}[-1] = '')" if dialect.delimiter == " " else ""
    return f"(len({fields}) = {columns}{more})"


def _is_quoted_well(text: str, fields: str) -> str:
    """Whether the fields are all there is in the record, and each quote that opens one also closes it."""
    length = f"list_sum(list_transform({fields}, lambda field: length(field) + 1)) = length({text}) + 1"
    unclosed = """starts_with(ltrim(field), '"') and (length(trim(field)) < 2 or not ends_with(trim(field), '"'))"""
    return f"({length} and not list_bool_or(list_transform({fields}, lambda field: {unclosed})))"


def _is_well_formed(text: str, delimiter: str, dialect: Dialect) -> str:
    fields = _fields(text, delimiter)
    return f"{_is_complete(fields, dialect)} and {_is_quoted_well(text, fields)}"


def _value(field: str) -> str:
    inner = f"""replace(substr(trim({field}), 2, length(trim({field})) - 2), '""', '"')"""
    return f"""case when starts_with(ltrim({field}), '"') then {inner} else {field} end"""


def _regex(delimiter: str) -> str:
    return f"\\x{ord(delimiter):02x}"
