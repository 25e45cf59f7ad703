"""`footfall status`: what has landed, what was built, what readers see, and how fresh it is."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from orchestration.cli.console import console, setting_text


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Say what has landed, what was built, what readers see, and how fresh it is."""
    from orchestration.settings import home

    told = describe(home())
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        console.print(_table(told))


def describe(home: Path) -> dict[str, Any]:
    """The state of a home, read from manifests and catalogs alone, so that it never waits for a build.

    Sizes are in bytes, times ISO 8601 in UTC, dates UTC days.
    """
    from ingest.collector.state import is_receiving, read_state, waiting
    from ingest.landing.batches import list_batches
    from orchestration.build import changed_since_published, current_inputs, nothing_new, read_outcome
    from serving.publications import current_publication, list_publications, read_catalog

    batches, left = list_batches(home), waiting(home)
    reasons: Counter[str] = Counter()
    for batch in batches:
        reasons.update(batch.quarantined_by_reason)
    outcome = read_outcome(home)
    current, kept = current_publication(home), list_publications(home)
    catalog = read_catalog(current) if current else None
    published = catalog["inputs"]["batches"] if catalog else {"count": 0, "newest": None}
    # a clock that goes ahead files its events under days to come
    event_dates = [min(batch.max_event_date, batch.loaded_at.date()) for batch in batches if batch.max_event_date]
    return {
        "home": str(home),
        "landing": {
            "batches": len(batches),
            **{
                count: sum(getattr(batch, count) for batch in batches)
                for count in ("received", "accepted", "duplicate", "quarantined", "suppressed", "opted_out")
            },
            "quarantined_by_reason": dict(reasons.most_common()),
        },
        "collector": {
            "is_receiving": is_receiving(home),
            "counted": read_state(home),
            "events_to_land": left.events,
            "files_to_land": left.files,
            "bytes_to_land": left.bytes,
        },
        "conflicting_copies": _published(current, "fct_app_copies", CONFLICTING_COPIES),
        "broken_plan": _published(current, "fct_tracked_properties", BROKEN_PLAN),
        "undeclared_events": _published(current, "fct_tracked_events", UNDECLARED_EVENTS),
        "last_build": outcome
        and {
            "status": outcome.status,
            "started_at": outcome.started_at,
            "finished_at": outcome.finished_at,
            "failures": outcome.failures,
            "warnings": outcome.warnings,
        },
        "last_publish": catalog
        and {
            "publication": catalog["publication"],
            "published_at": catalog["published_at"],
            "built_at": catalog["built_at"],
            "relations": sum(not relation["is_internal"] for relation in catalog["relations"].values()),
            "checks_passed": catalog["checks"]["passed"],
            "rolled_back_from": kept[0].name if kept and kept[0] != current else None,
            "kept": len(kept),
        },
        "changed_settings": changed_since_published(home),
        "moved_from": _moved_from(home, catalog),
        "watermarks": {
            "landed": batches[-1].batch_id if batches else None,
            "published": published["newest"],
            "batches_waiting": max(0, current_inputs(home)["batches"]["count"] - published["count"]),
            "is_up_to_date": nothing_new(home) is not None,
        },
        "freshness": {
            "newest_event_date": max(event_dates).isoformat() if event_dates else None,
            "newest_batch_at": max(batch.loaded_at for batch in batches).isoformat() if batches else None,
        },
        "disk_bytes": {
            "landing": _size(home / "landing"),
            "quarantine": _size(home / "quarantine"),
            "warehouse": _size(home / "warehouse.duckdb"),
            "published": _size(home / "published"),
        },
    }


def _moved_from(home: Path, catalog: dict[str, Any] | None) -> str | None:
    """Where the home lay when it was published, if that was elsewhere."""
    there = (catalog or {}).get("inputs", {}).get("published")
    return None if there in (None, str(home / "published")) else str(Path(there).parent)


def _table(told: dict[str, Any]) -> Table:
    landing, build, published = told["landing"], told["last_build"], told["last_publish"]
    marks, fresh = told["watermarks"], told["freshness"]
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("home", told["home"])
    table.add_row("batches", f"{landing['batches']:,}")
    table.add_row(
        "events",
        f"{landing['received']:,} received = {landing['accepted']:,} accepted + {landing['duplicate']:,} duplicate "
        f"+ {landing['quarantined']:,} quarantined",
    )
    not_stored = {"of persons who were erased": landing["suppressed"], "of persons who opted out": landing["opted_out"]}
    for whose, count in not_stored.items():
        if count:
            table.add_row("", f"  {count:,} more not stored, {whose}")
    for reason, rows in landing["quarantined_by_reason"].items():
        table.add_row("", f"  {rows:,} quarantined: {reason}")
    if told["collector"]["counted"] or told["collector"]["events_to_land"]:
        table.add_row("collector", _collector_text(told["collector"]))
    for app in told["conflicting_copies"]:
        table.add_row(
            "",
            f"  {app['conflicting_copies']:,} copies of event ids of {app['app']} have other content "
            f"({app['conflicting_share']:.2%}); fct_event_copies names the events",
        )
    for told_of in told["broken_plan"]:
        missing, mistyped = told_of["missing_events"], told_of["mistyped_events"]
        faults = [f"{missing:,} without" if missing else "", f"{mistyped:,} unreadable" if mistyped else ""]
        table.add_row(
            "",
            f"  {told_of['event_name']} of {told_of['app']} breaks the tracking plan: {told_of['property']}, "
            f"{' and '.join(filter(None, faults))}; fct_tracked_properties names one",
        )
    for app in told["undeclared_events"]:
        table.add_row(
            "",
            f"  {app['event_names']:,} event names of {app['app']} are declared nowhere; fct_tracked_events lists them",
        )
    table.add_row("last build", _build_text(build))
    for failure in (build or {}).get("failures", []):
        table.add_row("", Text.assemble("  ", (failure["node"], "red"), f": {failure['message']}"))
    if published is None:
        table.add_row("last publish", "nothing is published; run `footfall build`")
    else:
        table.add_row(
            "last publish",
            f"{published['publication']}, {_ago(published['published_at'])}, {published['relations']} relations, "
            f"{published['checks_passed']} checks passed, {published['kept']} kept",
        )
        if published["rolled_back_from"]:
            rolled_back = (f"rolled back from {published['rolled_back_from']}", "yellow")
            table.add_row("", Text.assemble("  ", rolled_back, "; the next build goes forward"))
    table.add_row("watermarks", f"landed {marks['landed'] or 'nothing'}, published {marks['published'] or 'nothing'}")
    for changed in told["changed_settings"]:
        table.add_row(
            "", Text.assemble("  ", ("setting", "yellow"), f" {setting_text(changed)}; the next build uses it")
        )
    if told["moved_from"]:
        moved = f" from {told['moved_from']}, and views name files there; run `footfall build` here"
        table.add_row("", Text.assemble("  ", ("moved", "red"), moved))
    if not marks["is_up_to_date"]:
        waiting = f"{marks['batches_waiting']:,} batches wait" if marks["batches_waiting"] else "changes wait"
        table.add_row("", f"  {waiting} for `footfall build`")
    table.add_row(
        "freshness",
        f"newest event {fresh['newest_event_date'] or 'none'}, newest batch {_ago(fresh['newest_batch_at'])}",
    )
    sizes = told["disk_bytes"]
    table.add_row("disk", ", ".join(f"{name} {_human(size)}" for name, size in sizes.items()))
    return table


CONFLICTING_COPIES = """
    select app, conflicting_copies, conflicting_share from published.fct_app_copies
    where conflicting_copies > 0 order by app"""
BROKEN_PLAN = """
    select app, event_name, property, missing_events, mistyped_events from published.fct_tracked_properties
    where missing_events + mistyped_events > 0 order by app, event_name, property"""
UNDECLARED_EVENTS = """
    select app, count(*) as event_names from published.fct_tracked_events
    where declared_in = 'nowhere' group by app order by app"""


def _published(publication: Path | None, mart: str, query: str) -> list[dict[str, Any]]:
    """What a query finds in a published mart; nothing where it was published before there was such a mart."""
    path = publication / "marts.duckdb" if publication else None
    if path is None or not path.exists():
        return []
    import duckdb

    named = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{named}' as published (read_only)")
        # a parameter would make DuckDB import pandas, which takes longer than all the rest
        known = connection.execute("select table_name from duckdb_tables() where database_name = 'published'")
        if (mart,) not in known.fetchall():
            return []
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _collector_text(collector: dict[str, Any]) -> Text:
    counted, runs, text = collector["counted"], collector["is_receiving"], Text()
    if counted:
        received = sum(each["received"] for each in counted["events"])
        refused = sum(each["requests"] for each in counted["answers"] if each["status"] >= 400)
        ended = f"ended {_ago(counted['ended_at'])}" if "ended_at" in counted else "was killed"
        text.append(
            f"{'receives' if runs else ended}; since {counted['started_at']} {received:,} events received, "
            f"{refused:,} requests refused; "
        )
    waiting = f"{collector['events_to_land']:,} received events wait to land ({_human(collector['bytes_to_land'])})"
    text.append(waiting + ("" if runs or not collector["events_to_land"] else "; `footfall build` lands them"))
    if counted and counted["landing_error"]:
        text.append(f"; landing fails: {counted['landing_error']}", "red")
    return text


def _build_text(build: dict[str, Any] | None) -> Text:
    if build is None:
        return Text("never; run `footfall build`")
    colour = {"passed": "green", "running": "yellow", "partial": "yellow"}.get(build["status"], "red")
    return Text.assemble((build["status"], colour), f", {_ago(build['finished_at'] or build['started_at'])}")


def _ago(moment: str | None) -> str:
    if moment is None:
        return "never"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _size(path: Path) -> int:
    """Bytes of a file or below a folder, each file counted once though links lead to it."""
    size = 0
    below = (Path(folder, file) for folder, _, files in os.walk(path) for file in files)
    for file in [path] if path.is_file() else below:
        with suppress(FileNotFoundError):  # a load or a build at work may have removed it since it was listed
            size += 0 if file.is_symlink() else file.lstat().st_size
    return size


def _human(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
