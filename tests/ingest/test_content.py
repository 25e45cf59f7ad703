"""What an event says does not hang on how its file was written: order of keys and columns, empty cells, the format."""

import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest import content
from ingest.envelope import LANDING_COLUMNS
from ingest.landing import earlier
from tests.ingest.events import batches, landed, one, write_ndjson

KEYS = st.sampled_from(["a", "b", "A", "c d", "k,", "x.y", "*", "1", "2", "", '"', "é", "plan", "[", "{"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2, -1, 2**53 + 1, 10**20, 0.5, 1e22, 1.25]),
    st.sampled_from(["", "1", "2", "1.0", "null", ":null", "a,", ',"', '",":', "{", "x", "y", "é\n", "2.0,"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)


def said(value: Any) -> Any:
    """What a JSON value says, by plain Python: keys in order, without what holds nothing."""
    if isinstance(value, dict):
        members = {key: said(value[key]) for key in sorted(value)}
        return {key: member for key, member in members.items() if member is not None and member != {}}
    if isinstance(value, list):
        return [None if said(item) == {} else said(item) for item in value]
    return value


def shuffled(value: Any, data: st.DataObject) -> Any:
    """The same value with its keys in another order, with keys that hold nothing, and whole numbers as 1.0."""
    if isinstance(value, dict):
        members = [(key, shuffled(member, data)) for key, member in value.items()]
        unused = sorted({"n1", "n2"} - set(value))
        for key in data.draw(st.sets(st.sampled_from(unused))) if unused else ():
            members.append((key, data.draw(st.sampled_from([None, {}, {"n": None}]))))
        return dict(data.draw(st.permutations(members)))
    if isinstance(value, list):
        return [shuffled(item, data) for item in value]
    if type(value) is int and abs(value) < 2**50 and data.draw(st.booleans()):
        return float(value)
    return value


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute(content.MACROS)
        yield connection


def contents_of(connection: duckdb.DuckDBPyConnection, *values: Any) -> list[Any]:
    return connection.execute(
        "select json_content(value), json_content_hash(value) "
        "from (select json(unnest(?::varchar[]))::varchar as value)",
        [[json.dumps(value) for value in values]],
    ).fetchall()


@settings(max_examples=10, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(values=st.lists(OBJECTS, min_size=20, max_size=40), data=st.data())
def test_objects_say_the_same_exactly_where_they_hold_the_same(connection, values, data):
    dresses = [shuffled(value, data) for value in values]
    found = contents_of(connection, *values, *dresses)
    assert found[: len(values)] == found[len(values) :]
    meanings = {json.dumps(said(value), sort_keys=True): content for value, content in zip(values, found, strict=False)}
    assert len(meanings) == len({text for text, _ in found}) == len({digest for _, digest in found})


@pytest.mark.parametrize(
    ("one_object", "another"),
    [
        ({"a": {"x": 1}, "b": {"x": 2}}, {"a": {"x": 2}, "b": {"x": 1}}),
        ({"a": {"b": 1}}, {"b": {"a": 1}}),
        ({"r": {"1": 2}}, {"r": {"2": 1}}),
        ({"a": {"b": {"c": 1}}}, {"a": {"c": {"b": 1}}}),
        ({"k,": 1, "j,": 2}, {"k,": 2, "j,": 1}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": [1, None]}, {"a": [1]}),
        ({"a": [[1], 2]}, {"a": [1, [2]]}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": {"b": "x"}}, {"a": '{"b":"x"}'}),
        ({"a": []}, {}),
        ({"a": ""}, {}),
    ],
)
def test_what_differs_stays_different(connection, one_object, another):
    mine, theirs = contents_of(connection, one_object, another)
    assert mine[0] != theirs[0] and mine[1] != theirs[1]


@pytest.mark.parametrize("identified", [False, True])
@pytest.mark.parametrize("again", ["", "{"])
def test_a_file_exported_again_adds_nothing(tmp_path, identified, again):
    def row(**properties: Any) -> dict[str, Any]:
        given = {"event_id": "e1"} if identified else {}
        return {**given, "event_name": "buy", "occurred_at": "2015-03-03T10:00:00Z", "properties": properties}

    home, file = tmp_path / "home", tmp_path / "f.ndjson"
    rows = [row(plan="pro", qty=1, at={"x": 1, "y": [{"p": 1, "q": 2}]})] * (1 if identified else 2)
    assert one(write_ndjson(file, rows), home).accepted == len(rows)
    other = row(at={"y": [{"q": 2.0, "p": 1, "r": None}], "x": 1}, none=None, qty=1.0, plan="pro")
    receipt = one(write_ndjson(file, [*[other] * len(rows), *([again] if again else [])]), home)
    assert (receipt.accepted, receipt.duplicate) == (0, len(rows))
    receipt = one(write_ndjson(file, [row(plan="pro", qty=2, at={"x": 1, "y": [{"p": 1, "q": 2}]})]), home)
    assert receipt.accepted == 1


def test_a_csv_exported_again_adds_nothing(tmp_path):
    home, file = tmp_path / "home", tmp_path / "f.csv"
    for text, accepted in [
        ("event_name,occurred_at,user_id,plan,qty\nbuy,2015-03-02,u,pro,1\n", 1),
        ("event_name,occurred_at,user_id,qty,plan\nbuy,2015-03-02,u,1,pro\n", 0),
        ("qty;event_name;occurred_at;note;user_id;plan\n1;buy;2015-03-02;;u;pro\n", 0),
        ("qty;event_name;occurred_at;note;user_id;plan\n1;buy;2015-03-02;;u;pro\nbad\n", 0),
        ("qty;event_name;occurred_at;note;user_id;plan\n1;buy;2015-03-02;seen;u;pro\n", 1),
    ]:
        file.write_text(text)
        assert (text, one(file, home).accepted) == (text, accepted)


def as_landed_before(home: Path) -> None:
    """Give the only batch of a home the ids and hashes of the version before: of the text as it stands."""
    (receipt,) = batches(home)
    file = home / (receipt.path or "")
    columns = ", ".join(column for column in LANDING_COLUMNS)
    columns = columns.replace("event_id", "case when n = 1 then id_then else md5(id_then || ':' || n) end as event_id")
    with duckdb.connect() as connection:
        connection.execute(f"""
            create table rows as select {columns.replace("content_hash", "hash(id_then) as content_hash")}
            from (
                select *, row_number() over (partition by id_then) as n
                from (select *, {earlier._ID_THEN} as id_then from read_parquet('{file}', hive_partitioning = false))
            )""")
        connection.execute(f"copy rows to '{file}' (format parquet)")
    manifest = home / "landing" / "batches" / f"{receipt.batch_id}.json"
    told = json.loads(manifest.read_text())
    del told["content_version"]
    manifest.write_text(json.dumps(told))


def test_a_file_that_landed_before_the_order_of_keys_was_free_adds_nothing(tmp_path, monkeypatch):
    home, file = tmp_path / "home", tmp_path / "f.ndjson"
    row = {"event_name": "a", "occurred_at": "2015-03-03T10:00:00Z", "properties": {"b": 1, "a": {"y": 1, "x": 2}}}
    row |= {"ip": "1.2.3.4", "user_agent": "curl/8"}
    row["properties"]["email"] = "ann@mail.example"
    monkeypatch.setenv("FOOTFALL_ENABLE_PII_TRACKING", "true")
    flat = {"event_name": "b", "occurred_at": "2015-03-03T10:00:00Z", "properties": {"page_url": "/x", "p": 1}}
    one(write_ndjson(file, [row, row, flat]), home)
    as_landed_before(home)
    monkeypatch.delenv("FOOTFALL_ENABLE_PII_TRACKING")
    assert len({event_id for (event_id,) in landed(home, "event_id")}) == 3
    turned = {**row, "properties": {"a": {"x": 2, "y": 1}, "b": 1, "email": "ann@mail.example"}}
    moved = {"event_name": "b", "occurred_at": "2015-03-03T10:00:00Z", "page_url": "/x", "p": 1}
    for rows in ([row, row, flat], [turned, turned, moved]):
        assert one(write_ndjson(file, rows), home).duplicate == 3
    assert one(write_ndjson(file, [row] * 3), home).accepted == 1


DRESS_VALUES = st.sampled_from([None, "", "x", "1", "a,b", "ü"])


@settings(max_examples=3, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_the_same_rows_land_the_same_in_every_format(data):
    names = [
        "page_url",
        "utm_source",
        "os",
        "batch_id",
        "load_date",
        "content_hash",
        "context_other",
        "Plan",
        "odd key",
    ]
    rows = []
    for number in range(4):
        row: dict[str, Any] = {"event_name": "seen", "occurred_at": f"2015-03-02T10:00:0{number}Z", "user_id": "u"}
        row |= {name: data.draw(DRESS_VALUES) for name in names}
        row["context"] = {"os": data.draw(DRESS_VALUES), "country": data.draw(DRESS_VALUES), "zoom": "2"}
        rows.append(row)
    columns = data.draw(st.permutations([*rows[0]]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = [{**row, "context": json.dumps(row["context"])} for row in rows]
        write_ndjson(folder / "plain", texts)
        kinds = ", ".join(f"'{column}': 'VARCHAR'" for column in columns)
        made = duckdb.sql(
            f"select * from read_json('{folder}/plain', format = 'newline_delimited', columns = {{{kinds}}})"
        )
        made.write_csv(str(folder / "f.csv"), sep=data.draw(st.sampled_from([",", ";"])))
        made.write_parquet(str(folder / "f.parquet"))
        # an empty cell of a CSV is no value, and so is an empty text where another format has to say the same
        full = [{key: None if value == "" else value for key, value in row.items()} for row in rows]
        write_ndjson(
            folder / "f.ndjson", [{key: row[key] for key in data.draw(st.permutations([*row]))} for row in full]
        )
        write_ndjson(folder / "g.ndjson", [*full, "{"])
        (folder / "g.csv").write_text((folder / "f.csv").read_text() + "short\n")
        home = folder / "home"
        assert one(folder / "f.csv", home).accepted == 4
        for other in ("f.ndjson", "g.ndjson", "g.csv"):
            assert (other, one(folder / other, home).duplicate) == (other, 4)
        emptied = [f"""nullif("{column}", '') as "{column}\"""" for column in columns]
        made = duckdb.sql("select * replace (" + ", ".join(emptied) + ") from made")
        made.write_parquet(str(folder / "f.parquet"))
        assert one(folder / "f.parquet", home).duplicate == 4


def test_columns_named_as_the_landing_names_its_own_are_kept(tmp_path):
    home, file = tmp_path / "home", tmp_path / "f.csv"
    head, row = (
        "event_name,occurred_at,batch_id,event_date,load_date,stream_id,content_hash,context_other",
        "made,2015-03-02",
    )
    file.write_text(f"{head}\n{row},b1,d,l,s,c,o\n{row},b2,d,l,s,c,o\n")
    assert one(file, home).accepted == 2
    ((properties,), _) = landed(home, "properties")
    assert sorted(json.loads(properties)) == sorted(head.split(",")[2:])
    file.write_text(f"{head},context,page_url\n{row},b1,d,l,s,c,o,,\n")
    assert one(file, home).duplicate == 1
