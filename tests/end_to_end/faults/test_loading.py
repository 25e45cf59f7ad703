"""One row tells the same story in every format, wherever its context stands."""

import duckdb

from tests.end_to_end.faults.files import File, ndjson

AT, PAGE = "2015-03-02T10:00:00Z", "https://s.com/"
FLAT = {"page_url": PAGE, "utm_source": "google", "utm_medium": "cpc"}


def seen(app: str) -> dict[str, str]:
    return {"app": app, "event_name": "page_view", "occurred_at": AT, "anonymous_id": app}


FILES = [
    File("flat.csv", "app,event_name,occurred_at,anonymous_id,page_url,utm_source,utm_medium\n"
         f"load_csv,page_view,{AT},load_csv,{PAGE},google,cpc\n"),
    ndjson("flat.ndjson", seen("load_flat") | FLAT),
    ndjson("nested.ndjson", seen("load_nested") | {"context": FLAT}),
    ndjson("both.ndjson", seen("load_both") | FLAT | {"context": {"page_url": "https://other.com/", "utm_term": "x"}}),
    # the same event once more, its keys in another order
    ndjson("again.ndjson", dict(reversed((seen("load_flat") | FLAT | {"utm_term": None}).items()))),
]  # fmt: skip


def test_a_flat_row_came_by_the_same_channel_in_every_format(built: duckdb.DuckDBPyConnection) -> None:
    sessions = built.execute(
        "select app, channel, entry_page from fct_sessions where app like 'load\\_%' escape '\\' order by app"
    ).fetchall()
    apps = ["load_both", "load_csv", "load_flat", "load_nested"]
    assert [(app, channel) for app, channel, _ in sessions] == [(app, "Paid Search") for app in apps]
    assert len({page for _, _, page in sessions}) == 1
    assert built.execute("select count(*) from events where app = 'load_flat'").fetchone() == (1,)
