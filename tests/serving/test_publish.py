"""Published = built, only touched days are written anew, and no moment of dying leaves a half publication."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving import publications, reader
from serving import publish as publishing
from serving.publications import NothingPublishedError
from serving.relations import PublishError
from tests.serving.conftest import SmallHome

RELATIONS = ("long_visits", "titled_visits", "visitors", "visits")
INTERNAL = ("int_titles", "stg_visits")
HIDDEN = ("content_hash", "built_on_attempt")


def multiset(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[object, ...]]:
    """The rows but for what only the warehouse has a use for."""
    columns = [row[0] for row in connection.execute(f"describe {relation}").fetchall() if row[0] not in HIDDEN]
    return sorted(connection.execute(f"select {', '.join(columns)} from {relation}").fetchall(), key=repr)


def day_files(home: SmallHome) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (home.path / "published" / "files").rglob("*.parquet")}


def assert_consistent(home: Path) -> str:
    """What readers see is one whole publication; returns its id."""
    current = publications.current_publication(home)
    assert current is not None
    published = home / "published"
    assert (published / "marts.duckdb").resolve() == current / "marts.duckdb"
    assert not (published / "marts.duckdb.wal").exists()
    catalog = json.loads((published / "catalog.json").read_text())
    assert catalog["publication"] == current.name
    connection = reader.connect(home)
    for name, relation in catalog["relations"].items():
        assert connection.execute(f"select count(*) from {name}").fetchone() == (relation["rows"],)
        if relation["kind"] == "table" and relation["schema"] == "main":
            copy = published / "parquet" / f"{name}.parquet"
            assert duckdb.connect().read_parquet(str(copy)).shape[0] == relation["rows"]
    return current.name


def assert_published_as_built(home: SmallHome) -> None:
    built = duckdb.connect(str(home.path / "warehouse.duckdb"), read_only=True)
    published = reader.connect(home.path)
    for name in (*RELATIONS, *INTERNAL):
        assert multiset(published, name) == multiset(built, name)
        assert len(multiset(built, name)) > 0


def test_every_relation_is_published_as_it_was_built(small_home: SmallHome) -> None:
    small_home.publish()
    assert_published_as_built(small_home)


def test_outsiders_see_what_is_made_for_them(small_home: SmallHome) -> None:
    publication = small_home.publish()
    marts = duckdb.connect(str(publication / "marts.duckdb"), read_only=True)
    assert {row[0] for row in marts.execute("show tables").fetchall()} == set(RELATIONS)
    assert {row[0] for row in marts.execute("show tables from internal").fetchall()} == set(INTERNAL)
    assert {path.stem for path in (publication / "parquet").iterdir()} == {"visitors"}
    schemas = {name: each["schema"] for name, each in publications.read_catalog(publication)["relations"].items()}
    assert schemas == dict.fromkeys(RELATIONS, "main") | dict.fromkeys(INTERNAL, "internal")


def test_views_find_their_inputs_whatever_else_is_attached_beside_them(small_home: SmallHome) -> None:
    publication = small_home.publish()
    with duckdb.connect() as other:
        for schema in ("main", "internal"):
            other.execute(f"create schema if not exists {schema}")
            for name in (*RELATIONS, *INTERNAL):
                other.execute(f"create table {schema}.{name} as select 0 as visit_id, null as title")
        path = str(publication / "marts.duckdb").replace("'", "''")
        other.execute(f"attach '{path}' as theirs (read_only)")
        found = other.execute("select count(*), count(title) from theirs.long_visits").fetchone()
    assert found == (100, 100)


def test_another_thread_reads_what_the_connection_reads(small_home: SmallHome) -> None:
    small_home.publish()
    connection = reader.connect(small_home.path)
    small_home.visit("late", [(1000, "new", 1, "2024-01-03 11:00:00")])
    small_home.build()
    small_home.publish()
    cursor = reader.cursor(connection)
    assert cursor.execute("select count(*) from visits").fetchone() == (200,)
    assert cursor.execute("select count(*) from int_titles").fetchone() == (7,)
    with pytest.raises(duckdb.Error):
        cursor.execute("select * from read_csv('/etc/passwd')")


def test_a_publication_from_before_there_was_a_schema_internal_is_read_as_ever(small_home: SmallHome) -> None:
    publication = small_home.publish()
    marts = publication / "marts.duckdb"
    marts.unlink()
    with duckdb.connect(str(marts)) as before:
        before.execute("create table visits as select 1 as visit_id; create view int_titles as from visits")
    connection = reader.connect(small_home.path)
    for one in (connection, reader.cursor(connection)):
        assert one.execute("select count(*) from int_titles join visits using (visit_id)").fetchone() == (1,)


def test_the_catalog_says_what_each_relation_is(small_home: SmallHome) -> None:
    publication = small_home.publish()
    catalog = publications.read_catalog(publication)
    visits = catalog["relations"]["visits"]
    assert catalog["publication"] == publication.name
    assert (visits["kind"], visits["grain"], visits["rows"], visits["checks"]) == ("files", "One row per visit", 200, 2)
    assert visits["columns"][0] == {"name": "visit_id", "type": "BIGINT", "description": "Names the visit."}
    assert sum(file["rows"] for file in visits["files"]) == 200
    assert len(visits["files"]) == 20
    comment = reader.connect(small_home.path).execute(
        "select comment from duckdb_columns() where table_name = 'visitors' and column_name = 'title'"
    )
    assert comment.fetchone() == ("The visitor's name in capitals.",)


def test_readers_see_no_bookkeeping(small_home: SmallHome) -> None:
    catalog = publications.read_catalog(small_home.publish())
    wanted = ["visit_id", "visitor", "pages", "visit_date", "visited_at"]
    shown = reader.connect(small_home.path).execute("describe visits").fetchall()
    told = catalog["relations"]["visits"]["columns"]
    assert [row[0] for row in shown] == [column["name"] for column in told] == wanted
    files = small_home.path / "published" / "files" / "visits" / "*" / "*.parquet"
    assert duckdb.read_parquet(str(files), hive_partitioning=False).columns == [*wanted, "content_hash"]


def test_readers_see_the_card_of_a_metric(small_home: SmallHome) -> None:
    relations = publications.read_catalog(small_home.publish())["relations"]
    titled = relations["titled_visits"]
    assert titled["card"]["unit"] == "words" and titled["grain"] == "One row per visit"
    assert titled["description"] == "One row per visit. Titles, in words: How a visitor is called."
    assert "card" not in relations["visits"]
    comment = reader.connect(small_home.path).execute(
        "select comment from duckdb_views() where view_name = 'titled_visits'"
    )
    assert comment.fetchone() == (titled["description"],)


def test_only_touched_days_are_written_anew(small_home: SmallHome) -> None:
    small_home.publish()
    before = day_files(small_home)
    small_home.visit("late", [(1000, "v1", 1, "2024-01-03 11:00:00"), (1001, "v9", 1, "2024-02-01 11:00:00")])
    small_home.build()
    small_home.publish()
    after = day_files(small_home)
    assert all(after[path] == before[path] for path in before)
    days = sorted(Path(path).parent.name for path in after.keys() - before.keys())
    assert days == ["visit_date=2024-01-03", "visit_date=2024-02-01"]
    assert reader.connect(small_home.path).execute("select count(*) from visits").fetchone() == (202,)


@pytest.mark.parametrize("pseudonymous", ["false", "true"])
def test_what_did_not_change_is_taken_from_the_publication_before(
    small_home: SmallHome, pseudonymous: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_PSEUDONYMOUS_IDS", pseudonymous)
    small_home.visit("second", [(500, "v1", 1, "2024-01-03 11:00:00")])
    small_home.build()
    small_home.keep_states()
    first = small_home.publish(project="p")
    second = small_home.publish(project="p")
    assert (second / "parquet" / "visitors.parquet").samefile(first / "parquet" / "visitors.parquet")
    again, told = publications.read_catalog(second), publications.read_catalog(first)
    assert again["relations"] == told["relations"]
    assert_published_as_built(small_home)

    small_home.visit("late", [(1000, "new", 1, "2024-01-03 11:00:00")])
    small_home.build()
    small_home.keep_states()
    third = small_home.publish(project="p")
    assert not (third / "parquet" / "visitors.parquet").samefile(first / "parquet" / "visitors.parquet")
    assert_consistent(small_home.path)
    assert_published_as_built(small_home)
    # the one before stands as it was
    before = duckdb.connect(str(first / "marts.duckdb"), read_only=True)
    assert before.execute("select count(*) from visitors").fetchone() == (7,)


@pytest.mark.parametrize("lost", ["the states", "the project", "half of the file"])
def test_what_is_not_known_to_be_the_same_is_written_anew(small_home: SmallHome, lost: str) -> None:
    small_home.keep_states()
    first = small_home.publish(project="p")
    small_home.visit("late", [(1000, "new", 1, "2024-01-03 11:00:00")])
    small_home.build()
    if lost == "the states":
        small_home.execute("delete from plumbing.states")
    else:
        small_home.keep_states()
    if lost == "half of the file":
        (first / "marts.duckdb").chmod(0o644)
        with duckdb.connect(str(first / "marts.duckdb")) as marts:
            marts.execute("create table gone as select hash(i) as h from range(1000000) r(i); checkpoint")
            marts.execute("drop table gone; create table small as select 1; checkpoint")
    second = small_home.publish(project="p" if lost != "the project" else "another")
    assert not (second / "parquet" / "visitors.parquet").samefile(first / "parquet" / "visitors.parquet")
    assert_consistent(small_home.path)
    assert_published_as_built(small_home)


def test_a_state_that_lies_is_found_where_what_it_says_is_written(small_home: SmallHome) -> None:
    small_home.keep_states()
    small_home.execute("update plumbing.states set content = '7:1' where node like '%.visitors'")
    with pytest.raises(PublishError, match="visitors as written differs from what was built"):
        small_home.publish(project="p")


def test_days_are_written_in_several_passes_when_they_are_many(
    small_home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "ROWS_PER_COPY", 35)
    monkeypatch.setattr(publishing, "DAYS_PER_COPY", 4)
    small_home.publish()
    small_home.visit(
        "late", [(n, "v1", 1, f"2024-01-{day:02d} 11:00:00") for n, day in ((900, 2), (901, 9), (902, 11))]
    )
    small_home.build()
    small_home.publish()
    built = duckdb.connect(str(small_home.path / "warehouse.duckdb"), read_only=True)
    assert multiset(reader.connect(small_home.path), "visits") == multiset(built, "visits")


def test_what_dbt_ran_this_time_writes_no_day_anew(small_home: SmallHome) -> None:
    manifest, written = json.loads(small_home.manifest.read_text()), []
    # dbt adds what a node calls when it runs, and a node that is left out does not
    first, second, *_ = manifest["macros"]
    for called in ([first], [second], []):
        for node in manifest["nodes"].values():
            node["depends_on"]["macros"] = called
        small_home.manifest.write_text(json.dumps(manifest))
        small_home.publish()
        written.append(day_files(small_home))
    assert written[0] == written[1] == written[2]


def test_a_changed_setting_writes_every_day_anew(small_home: SmallHome) -> None:
    small_home.publish(week_start="monday")
    before = day_files(small_home)
    small_home.publish(week_start="monday")
    assert day_files(small_home) == before
    small_home.publish(week_start="sunday")
    assert len(day_files(small_home).keys() - before.keys()) == 20


def test_an_empty_relation_is_published_with_its_types(small_home: SmallHome) -> None:
    small_home.visit("first", [])
    small_home.build()
    small_home.publish()
    connection = reader.connect(small_home.path)
    described = {row[0]: row[1] for row in connection.execute("describe visits").fetchall()}
    assert connection.execute("select count(*) from visits").fetchone() == (0,)
    assert (described["visit_date"], described["visitor"]) == ("DATE", "VARCHAR")


def test_a_difference_from_what_was_built_is_never_shown(
    small_home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_home.publish()
    shown = assert_consistent(small_home.path)
    write = publishing.write_marts

    def lose_a_letter(connection: Any, relations: Any, files: Any, work: Path, *others: Any) -> None:
        write(connection, relations, files, work, *others)
        with duckdb.connect(str(work / "marts.duckdb")) as marts:
            marts.execute("update visitors set title = 'V' where visitor = 'v3'")

    monkeypatch.setattr(publishing, "write_marts", lose_a_letter)
    with pytest.raises(PublishError, match="visitors as written differs from what was built"):
        small_home.publish()
    assert assert_consistent(small_home.path) == shown


@pytest.mark.parametrize(
    ("publish", "message"),
    [
        ("tabel", "Model visits has meta.publish"),
        ({"as": "files", "day": "visit_date"}, "Model visits has meta.publish"),
        ({"as": "files", "day": "visited_at", "fingerprint": "content_hash"}, "no DATE column"),
        ({"as": "table", "days": 3}, "Model visits has meta.publish"),
        (None, "reads visits, which is not published"),
    ],
)
def test_a_setting_that_cannot_be_met_is_named(small_home: SmallHome, publish: object, message: str) -> None:
    manifest = json.loads(small_home.manifest.read_text())
    manifest["nodes"]["model.small.visits"]["config"]["meta"]["publish"] = publish
    small_home.manifest.write_text(json.dumps(manifest))
    with pytest.raises(PublishError, match=message):
        small_home.publish()


def test_an_open_reader_keeps_its_publication_and_the_next_one_gets_the_new(small_home: SmallHome) -> None:
    small_home.publish()
    early = reader.connect(small_home.path)
    assert early.execute("select count(*) from visitors").fetchone() == (7,)
    small_home.visit("late", [(1000, "new", 1, "2024-01-03 11:00:00")])
    small_home.build()
    small_home.publish()
    late = reader.connect(small_home.path)
    for relation, before, after in (("visitors", 7, 8), ("visits", 200, 201), ("titled_visits", 200, 201)):
        assert early.execute(f"select count(*) from {relation}").fetchone() == (before,)
        assert late.execute(f"select count(*) from {relation}").fetchone() == (after,)


def test_a_reader_can_reach_nothing_but_what_is_published(small_home: SmallHome, tmp_path: Path) -> None:
    small_home.publish()
    connection = reader.connect(small_home.path)
    attacks = [
        f"copy (select 1) to '{tmp_path}/out.csv'",
        f"attach '{tmp_path}/other.duckdb' as other",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('../../../../etc/passwd')",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "create table marts.main.mine as select 1",
        "delete from visitors",
    ]
    for attack in attacks:
        with pytest.raises(duckdb.Error):
            connection.execute(attack)
    assert not (tmp_path / "out.csv").exists()
    assert connection.execute("select count(*) from visits").fetchone() == (200,)


def test_a_strangers_statement_may_only_select(small_home: SmallHome) -> None:
    small_home.publish()
    connection = reader.connect(small_home.path)
    inside = str(next((small_home.path / "published" / "files").rglob("*.parquet"))).replace("'", "''")
    for sql in (
        f"copy (select 1) to '{inside}'",
        "select 1; select 2",
        "use memory",
        "create temp table t as select 1",
    ):
        with pytest.raises(PermissionError, match="single select"):
            reader.read(connection, sql)
    assert reader.read(connection, "select count(*) from visits where pages = ?", [3]).fetchone() == (40,)


def test_nothing_published_is_said_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(NothingPublishedError, match="Run `footfall build` first"):
        reader.connect(tmp_path)


def test_the_last_publications_stay_and_one_step_goes_back(small_home: SmallHome) -> None:
    first = small_home.publish(keep=2)
    for n in (1, 2):
        small_home.visit(f"late{n}", [(1000 + n, "new", 1, f"2024-01-0{n} 11:00:00")])
        small_home.build()
        last = small_home.publish(keep=2)
    kept = publications.list_publications(small_home.path)
    assert len(kept) == 2 and kept[0] == last and first not in kept
    named = {
        small_home.path / "published" / file["path"]
        for publication in kept
        for file in publications.read_catalog(publication)["relations"]["visits"]["files"]
    }
    assert {Path(path) for path in day_files(small_home)} == named

    assert publications.roll_back(small_home.path) == kept[1]
    assert assert_consistent(small_home.path) == kept[1].name
    assert reader.connect(small_home.path).execute("select count(*) from visits").fetchone() == (201,)
    with pytest.raises(NothingPublishedError, match="No kept publication is earlier"):
        publications.roll_back(small_home.path)
    with pytest.raises(NothingPublishedError, match="is not kept"):
        publications.roll_back(small_home.path, first.name)
    assert publications.roll_back(small_home.path, last.name) == last
    assert reader.connect(small_home.path).execute("select count(*) from visits").fetchone() == (202,)


def test_a_log_left_by_a_dead_writer_breaks_no_reader(small_home: SmallHome) -> None:
    small_home.publish()
    (small_home.path / "published" / "marts.duckdb.wal").write_bytes(b"not a log of this file")
    small_home.publish()
    with duckdb.connect(str(small_home.path / "published" / "marts.duckdb"), read_only=True) as plain:
        assert plain.execute("select count(*) from visits").fetchone() == (200,)


DIE_AT = """
import os, signal, sys
sys.path[:0] = {paths!r}
from tests.serving.conftest import SmallHome
from pathlib import Path
seen = 0
def die(event, arguments):
    global seen
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.chmod") or (
        event == "open" and "publish" in str(arguments[0])
    ):
        seen += 1
        if seen == {moment}:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(die)
SmallHome(Path({home!r})).publish(keep=2)
print(seen)
"""


def publish_and_die(home: SmallHome, moment: int) -> subprocess.CompletedProcess[str]:
    script = DIE_AT.format(paths=[str(Path(__file__).parents[2])], moment=moment, home=str(home.path))
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ, check=False)


def test_a_publication_killed_at_any_moment_leaves_a_whole_one(small_home: SmallHome) -> None:
    small_home.publish(keep=2)
    small_home.publish(keep=2)
    small_home.visit("late", [(1000 + n, "new", 1, f"2024-01-{n:02d} 11:00:00") for n in range(1, 4)])
    small_home.build()
    outcomes = {"before": 0, "after": 0}
    moment = 1
    while True:
        shown = assert_consistent(small_home.path)
        died = publish_and_die(small_home, moment)
        if died.returncode == 0:
            break
        assert died.returncode == -signal.SIGKILL, died.stderr
        outcomes["before" if assert_consistent(small_home.path) == shown else "after"] += 1
        moment += 1 if moment < 12 else 3
    assert outcomes["before"] >= 10 and outcomes["after"] >= 1, outcomes
    assert assert_consistent(small_home.path) != shown
    published = small_home.path / "published"
    assert not [path for path in published.rglob(".*") if path.name != ".current.new"]
    assert len(publications.list_publications(small_home.path)) == 2
    assert reader.connect(small_home.path).execute("select count(*) from visits").fetchone() == (203,)
