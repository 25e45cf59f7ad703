"""Each rule of the translation: DuckDB's words in, Spark's out. What they mean is held by test_meaning."""

import duckdb
import pytest

from ingest.values import install_macros
from spark.rewrites import UntranslatableError
from spark.shapes import Shapes
from spark.translation import Translation, translate

COLUMNS = """
    id bigint, name varchar, day date, seen_at timestamp, amount decimal(18, 2), share double, key ubigint,
    parts integer[], told map(varchar, varchar), place struct(city varchar), is_on boolean
"""


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    connection = duckdb.connect()
    install_macros(connection)
    connection.execute(f"create table rows ({COLUMNS})")
    return Shapes(connection)


SAID = {
    "a division is one of doubles": ("amount / id", "CAST(amount AS DOUBLE) / CAST(id AS DOUBLE)"),
    "a date less a date is a number of days": ("day - day", "CAST(DATEDIFF(day, day) AS BIGINT)"),
    "a date less a number is a date": ("day - 1", "DATE_SUB(day, CAST(1 AS INT))"),
    "a number and a date is a date": ("2 + day", "DATE_ADD(day, CAST(2 AS INT))"),
    "a date and an interval is a time": ("day + interval 1 day", "CAST(day AS TIMESTAMP_NTZ) + INTERVAL '1' DAY"),
    "days are an interval": ("seen_at - to_days(3)", "seen_at - MAKE_DT_INTERVAL(CAST(3 AS INT))"),
    "seconds are an interval": ("seen_at + to_seconds(id)", "seen_at + MAKE_DT_INTERVAL(0, 0, 0, id)"),
    "a cast of a double rounds to the even one": ("cast(share as bigint)", "CAST(BROUND(share) AS BIGINT)"),
    "a cast of a decimal rounds away from zero": ("cast(amount as integer)", "CAST(ROUND(amount) AS INT)"),
    "a cast of a whole number is one": ("cast(id as integer)", "CAST(id AS INT)"),
    "times have no zone": ("cast(day as timestamp)", "CAST(day AS TIMESTAMP_NTZ)"),
    "positions are as they were written": ("parts[2]", "TRY_ELEMENT_AT(parts, CAST(2 AS INT))"),
    "also those from the end": ("parts[-1]", "TRY_ELEMENT_AT(parts, CAST(-1 AS INT))"),
    "the first of a list": ("parts[:id]", "SLICE(parts, CAST(1 AS INT), CAST(GREATEST(((id - 1) + 1), 0) AS INT))"),
    "a value of a map": ("told['a']", "TRY_ELEMENT_AT(told, 'a')"),
    "a field of a struct": ("place['city']", "place.`city`"),
    "a struct names its fields": ("{'a': id, 'b': name}", "NAMED_STRUCT('a', id, 'b', name)"),
    "a packed struct, too": ("struct_pack(a := id)", "NAMED_STRUCT('a', id)"),
    "a row is a struct": ("row(id, name)", "STRUCT(id, name)"),
    "a truncated date is a time without zone": (
        "date_trunc('week', day)",
        "CAST(DATE_TRUNC('WEEK', day) AS TIMESTAMP_NTZ)",
    ),
    "any value is one that is not null": ("any_value(name)", "ANY_VALUE(name) IGNORE NULLS"),
    "a null is not what has the least": (
        "arg_min(name, seen_at)",
        "MIN_BY(name, CASE WHEN NOT name IS NULL THEN seen_at END)",
    ),
    "a null is not what has the greatest": (
        "arg_max(name, (seen_at, id)) filter (where is_on)",
        "MAX_BY(name, CASE WHEN NOT name IS NULL THEN (seen_at, id) END) FILTER(WHERE is_on)",
    ),
    "a mean of decimals is a double": ("avg(amount)", "AVG(CAST(amount AS DOUBLE))"),
    "a sum of booleans counts": ("sum(is_on)", "SUM(CAST(is_on AS INT))"),
    "a quantile": ("quantile_cont(share, 0.5)", "PERCENTILE(share, 0.5)"),
    "unsigned numbers in their order": (
        "max(key)",
        "(((MAX(((key) ^ CAST(-9223372036854775808 AS BIGINT)))) ^ CAST(-9223372036854775808 AS BIGINT)))",
    ),
    "a list in order keeps its nulls": (
        "list(name order by seen_at)",
        "TRANSFORM(ARRAY_SORT(COLLECT_LIST(NAMED_STRUCT('null0', seen_at IS NULL, 'key0', seen_at, 'value', name))), "
        "each -> each.value)",
    ),
    "a filtered list is collected by the filter": (
        "list(id) filter (where is_on)",
        "TRANSFORM(COLLECT_LIST(NAMED_STRUCT('value', id)) FILTER(WHERE is_on), each -> each.value)",
    ),
    "a product is a fold of a window": (
        "product(share) over (order by day)",
        "AGGREGATE(COLLECT_LIST((share)) OVER (ORDER BY day NULLS LAST), CAST(1 AS DOUBLE), "
        "(product, each) -> product * each)",
    ),
    "a list that has no such value has it not": (
        "list_contains(parts, id)",
        "COALESCE(ARRAY_CONTAINS(parts, id), CASE WHEN NOT parts IS NULL AND NOT id IS NULL THEN FALSE END)",
    ),
    "all of a list": ("list_has_all(parts, [1])", "SIZE(ARRAY_EXCEPT(ARRAY(1), parts)) = 0"),
    "the length of a list": ("len(parts)", "SIZE(parts)"),
    "the length of a text": ("len(name)", "LENGTH(name)"),
    "months between dates": (
        "date_diff('month', day, seen_at)",
        "CAST(DATEDIFF(MONTH, TRUNC(day, 'MM'), TRUNC(seen_at, 'MM')) AS BIGINT)",
    ),
    "Monday is 1": ("isodow(day)", "(WEEKDAY(day) + 1)"),
    "microseconds": ("epoch_us(seen_at)", "UNIX_MICROS(CAST(seen_at AS TIMESTAMP_LTZ))"),
    "a sign is a whole number": ("sign(id)", "CAST(SIGN(id) AS INT)"),
    "a whole quotient": ("id // 2", "id DIV 2"),
    "a day after all days": ("coalesce(day, date 'infinity')", "COALESCE(day, DATE_FROM_UNIX_DATE(2147483647))"),
    "a key to sort by": ("create_sort_key(day, 'asc nulls last', name, 'asc nulls last')", "STRUCT(day, name)"),
    "exclusive or": ("xor(key, 1)", "key ^ 1"),
    "the place in a list begins at 1": (
        "list_filter(parts, lambda part, place: place > 1)",
        "FILTER(parts, (part, place) -> (place + 1) > 1)",
    ),
    "a text beside times is a time": (
        "coalesce(seen_at, 'infinity')",
        "COALESCE(seen_at, CAST(TIMESTAMP_MICROS(9223372036854775807) AS TIMESTAMP_NTZ))",
    ),
    "a comparison is judged whole": ("(id >= 1) is not true", "NOT (id >= 1) IS TRUE"),
    "a list is sorted with its nulls at the end": ("list_sort(parts)", "ARRAY_SORT(parts)"),
    "a list of unsigned numbers is sorted in their order": (
        "list_sort(list(key))",
        "TRANSFORM(ARRAY_SORT(TRANSFORM(TRANSFORM(COLLECT_LIST(STRUCT(key AS value)), each -> each.value), "
        "each -> each ^ CAST(-9223372036854775808 AS BIGINT))), each -> each ^ CAST(-9223372036854775808 AS BIGINT))",
    ),
    "a list is in the order of unsigned numbers": (
        "list(name order by key)",
        "TRANSFORM(ARRAY_SORT(COLLECT_LIST(NAMED_STRUCT('null0', key IS NULL, 'key0', "
        "((key) ^ CAST(-9223372036854775808 AS BIGINT)), 'value', name))), each -> each.value)",
    ),
    "an interval may stand in a column": ("interval 1 month", "MAKE_INTERVAL(0, 1, 0, 0, 0, 0, 0)"),
    "an unsigned number beside another": (
        "key < amount",
        "(CASE WHEN key < 0 THEN CAST(key AS DECIMAL(20, 0)) + 18446744073709551616 "
        "ELSE CAST(key AS DECIMAL(20, 0)) END) < amount",
    ),
}


@pytest.mark.parametrize("rule", SAID)
def test_an_expression_is_said_in_sparks_words(rule: str, shapes: Shapes) -> None:
    expression, said = SAID[rule]
    assert translate(f"select {expression} as found from rows", shapes).sql == f"SELECT {said} AS found FROM rows"


STATEMENTS = {
    "unnest is beside what is read": (
        "select unnest(parts) as part, id from rows",
        "SELECT unnested.value AS part, id FROM rows LATERAL VIEW EXPLODE(parts) unnested AS `value`",
    ),
    "two lists are unnested side by side": (
        "select unnest(parts) as part, unnest([id, 2]) as two from rows",
        "SELECT unnested.value0 AS part, unnested.value1 AS two FROM rows "
        "LATERAL VIEW INLINE(ARRAYS_ZIP(COALESCE(parts, ARRAY()), COALESCE(ARRAY(id, 2), ARRAY()))) "
        "unnested AS `value0`, `value1`",
    ),
    "structs are unnested as columns": (
        "select unnest([{'segment': 'all'}, {'segment': name}], recursive := true), day from rows",
        "SELECT unnested.segment, day FROM rows LATERAL VIEW "
        "INLINE(ARRAY(STRUCT('all' AS segment), STRUCT(name AS segment))) unnested AS `segment`",
    ),
    "a series that ends before it begins is empty": (
        "select unnest(generate_series(1, id)) as n from rows",
        "SELECT unnested.value AS n FROM rows LATERAL VIEW EXPLODE(CASE WHEN CAST(1 AS BIGINT) <= CAST(id AS BIGINT) "
        "THEN SEQUENCE(CAST(1 AS BIGINT), CAST(id AS BIGINT)) ELSE CAST(ARRAY() AS ARRAY<BIGINT>) END) "
        "unnested AS `value`",
    ),
    "a star names its columns": (
        "select * exclude (parts, told, place, is_on, amount, share) replace (lower(name) as name) from rows",
        "SELECT id, LOWER(name) AS name, day, seen_at, key FROM rows",
    ),
    "one expression for many columns": (
        "select sum(columns(* exclude (name, day, seen_at, key, parts, told, place, is_on))) from rows",
        "SELECT SUM(id) AS id, SUM(amount) AS amount, SUM(share) AS share FROM rows",
    ),
    "a union by name lists the columns of both": (
        "select id, name from rows union all by name select name, day from rows",
        "SELECT id, name, CAST(NULL AS DATE) AS day FROM (SELECT id, name FROM rows) AS one_side "
        "UNION ALL SELECT CAST(NULL AS BIGINT) AS id, name, day FROM (SELECT name, day FROM rows) AS one_side",
    ),
    "a window that refines another says it whole": (
        "select sum(id) over (w rows unbounded preceding) as x from rows window w as (partition by name order by day)",
        "SELECT SUM(id) OVER (PARTITION BY name ORDER BY day NULLS LAST "
        "rows BETWEEN UNBOUNDED preceding AND CURRENT ROW) AS x FROM rows",
    ),
    "numbers of rows are in an order": (
        "select row_number() over () as n from (select id from rows) as few",
        "WITH few AS (SELECT id FROM rows) SELECT ROW_NUMBER() OVER (ORDER BY few.id NULLS LAST) AS n FROM few AS few",
    ),
    "an ASOF join says what is to come nearest": (
        "select rows.id from rows asof left join rows as other on rows.name = other.name and rows.day >= other.day",
        "SELECT rows.id FROM rows LEFT ASOF JOIN rows AS other MATCH_CONDITION (rows.day >= other.day) "
        "ON rows.name = other.name",
    ),
    "steps in steps have names of their own": (
        "with a as (with a as (select id from rows) select id + 1 as id from a) select * from a",
        "WITH a_2 AS (SELECT id FROM rows), a AS (SELECT id + 1 AS id FROM a_2 AS a) SELECT id FROM a AS a",
    ),
    "a step is not called like a relation": (
        "with rows as (select id from memory.main.rows) select * from rows",
        "WITH rows_2 AS (SELECT id FROM rows) SELECT id FROM rows_2 AS rows",
    ),
    "a step that nobody reads is left out": (
        "with a as (select nothing from nowhere) select id from rows",
        "SELECT id FROM rows",
    ),
    "an alias of the same SELECT is spelled out": (
        "select id + 1 as next, max(next) over (partition by name) as last from rows where next > 2",
        "SELECT id + 1 AS next, MAX((id + 1)) OVER (PARTITION BY name) AS last FROM rows WHERE (id + 1) > 2",
    ),
    "what a join shares is the first source's": (
        "select name from rows as r inner join rows as s using (name) left join rows as t on r.id = t.id",
        "SELECT r.name FROM rows AS r INNER JOIN rows AS s USING (name) LEFT JOIN rows AS t ON r.id = t.id",
    ),
    "lists of groups are unnested after them": (
        "select name, unnest([min(id), max(id)]) as found from rows group by name",
        "SELECT name, unnested.value AS found FROM (SELECT name, ARRAY(MIN(id), MAX(id)) AS list1_0 FROM rows "
        "GROUP BY name) AS computed LATERAL VIEW EXPLODE(list1_0) unnested AS `value`",
    ),
    "a row is looked for among rows": (
        "select id from rows where (id, name) in (select (id, name) from rows)",
        "SELECT id FROM rows WHERE (id, name) IN (SELECT id, name FROM rows)",
    ),
    "three are united by name": (
        "select id from rows union all by name select name from rows union all by name select day from rows",
        "SELECT id, name, CAST(NULL AS DATE) AS day FROM (SELECT id, CAST(NULL AS STRING) AS name FROM "
        "(SELECT id FROM rows) AS one_side UNION ALL SELECT CAST(NULL AS BIGINT) AS id, name FROM "
        "(SELECT name FROM rows) AS one_side) AS one_side UNION ALL SELECT CAST(NULL AS BIGINT) AS id, "
        "CAST(NULL AS STRING) AS name, day FROM (SELECT day FROM rows) AS one_side",
    ),
    "several groups at once": (
        "select grouping(name, day) as level, count(*) as n from rows group by rollup(name, day)",
        "SELECT (GROUPING(name) * 2 + GROUPING(day)) AS level, COUNT(*) AS n FROM rows GROUP BY ROLLUP (name, day)",
    ),
}


@pytest.mark.parametrize("rule", STATEMENTS)
def test_a_statement_is_said_in_sparks_words(rule: str, shapes: Shapes) -> None:
    statement, said = STATEMENTS[rule]
    assert translate(statement, shapes).sql == said


FOR_DUCKDB = {
    "ids are read by one definition": ("trimmed(name)", "TRIMMED(a0)", ("VARCHAR",), "VARCHAR"),
    "a digest is DuckDB's": ("hash(name, key)", "HASH(a0, a1)", ("VARCHAR", "UBIGINT"), "UBIGINT"),
    "that of a row is that of its columns": (
        "hash(hash(rows), -id)",
        "HASH(HASH(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10), -a0)",
        (
            *("BIGINT", "VARCHAR", "DATE", "TIMESTAMP", "DECIMAL(18,2)", "DOUBLE", "UBIGINT"),
            *("INTEGER[]", "MAP(VARCHAR, VARCHAR)", "STRUCT(city VARCHAR)", "BOOLEAN"),
        ),
        "UBIGINT",
    ),
    "a double is written by one engine": ("name || share", "a0 || a1", ("VARCHAR", "DOUBLE"), "VARCHAR"),
    "a text is read by one engine": ("cast(name as date)", "CAST(a0 AS DATE)", ("VARCHAR",), "DATE"),
    "a pattern is of one language": (
        "regexp_matches(name, 'a.b')",
        "REGEXP_MATCHES(a0, 'a.b')",
        ("VARCHAR",),
        "BOOLEAN",
    ),
    "what JSON is has DuckDB's words": (
        "json_type(json_object('said', name), '$.said')",
        "JSON_TYPE(JSON_OBJECT('said', a0), '$.said')",
        ("VARCHAR",),
        "VARCHAR",
    ),
    "what is in a lambda takes its list with it": (
        "list_transform(parts, lambda one: trimmed(one::varchar))",
        "LIST_TRANSFORM(a0, LAMBDA one : TRIMMED(CAST(one AS TEXT)))",
        ("INTEGER[]",),
        "VARCHAR[]",
    ),
    "a cast that may fail takes its case with it": (
        "case when is_on then cast(name as bigint) end",
        "CASE WHEN a0 THEN CAST(a1 AS BIGINT) END",
        ("BOOLEAN", "VARCHAR"),
        "BIGINT",
    ),
    "what is aggregated is Spark's": ("trimmed(max(name))", "TRIMMED(a0)", ("VARCHAR",), "VARCHAR"),
}


@pytest.mark.parametrize("rule", FOR_DUCKDB)
def test_duckdb_computes_what_spark_would_compute_otherwise(rule: str, shapes: Shapes) -> None:
    expression, sql, takes, gives = FOR_DUCKDB[rule]
    (function,) = translate(f"select {expression} as found from rows", shapes).functions.values()
    assert (function.sql, function.takes, function.gives) == (sql, takes, gives)


def test_a_step_that_is_read_twice_is_kept(shapes: Shapes) -> None:
    once = "with counts as (select name, count(*) as n from rows group by all) select * from counts"
    twice = f"{once} inner join counts as others using (name)"
    told = "with few as materialized (select id from rows) select * from few"
    assert [kept(translate(sql, shapes)) for sql in (once, twice, told)] == [[], ["counts"], ["few"]]


def kept(translation: Translation) -> list[str]:
    return [step.name for step in translation.steps if step.is_kept]


def test_recursion_is_a_query_to_begin_with_and_one_to_repeat(shapes: Shapes) -> None:
    walked = "select id, 1 as step from rows union all select id + 1, step + 1 from walked where step < 3"
    (step,) = translate(f"with recursive walked as ({walked}) select * from walked", shapes).steps
    assert step.query == "SELECT id, 1 AS step FROM rows"
    assert step.recursive == "SELECT id + 1 AS id, step + 1 AS step FROM walked AS walked WHERE step < 3"


REFUSED = {
    "reverse(name)": "Reverse",
    "mad(share)": "many rows",
    "date_diff('week', day, day)": "count months, days or seconds",
    "share // 2": "floor",
    "trimmed('a')": "of no column",
    "to_json(rows)": "a row is hashed, and else no value",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_no_rule_translates_is_refused(expression: str, shapes: Shapes) -> None:
    with pytest.raises(UntranslatableError, match=REFUSED[expression]):
        translate(f"select {expression} as found from rows", shapes)
