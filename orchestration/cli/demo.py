"""`footfall demo`: real data and a synthetic product in, marts out, and the headline numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from orchestration.cli.console import console

if TYPE_CHECKING:
    import duckdb

BARS = "▁▂▃▄▅▆▇█"


def demo() -> None:
    """Load the bundled data, build, publish, and print the headline numbers and where to look next."""
    from ingest import load_demo
    from orchestration.cli.build import build_and_tell
    from orchestration.settings import home

    folder = home()
    console.print(Text.assemble(("Footfall demo", "bold"), f" in {folder}\n"))
    for receipt in load_demo(folder):
        console.print(
            f"Loaded {Path(receipt.source.name).name}: {receipt.received:,} received, {receipt.accepted:,} accepted, "
            f"{receipt.duplicate:,} duplicate, {receipt.quarantined:,} quarantined."
        )
    build_and_tell(folder)
    print_summary(folder)


def print_summary(home: Path) -> None:
    """Print the headline numbers of what is published, read as any reader reads them, and write all as a page."""
    from orchestration.cli.report import write_report
    from serving import reader

    marts = reader.connect(home)
    _print_actives(marts)
    _print_sessions(marts)
    _print_growth(marts)
    _print_revenue(marts)
    _print_subscriptions(marts)
    published = home / "published"
    report = write_report(home)
    console.print("\nWhere to look next", style="bold")
    looks = Table(box=None, show_header=False, padding=(0, 2))
    looks.add_row("all of it as a page", f"{report}; `footfall report --open --app studio` is of one app")
    looks.add_row("as pages", "`footfall serve`, then http://127.0.0.1:8000: dashboards, and questions by a form")
    looks.add_row("marts", f"{published / 'marts.duckdb'} (DuckDB, open it read-only)")
    looks.add_row("what is in them", f"{published / 'catalog.json'}, or `make docs`")
    question = '{"kind": "retention", "period": "month"}'
    looks.add_row("one question", f"`footfall ask '{question}'`; docs/questions.md has one of every kind")
    looks.add_row("your own events", "`footfall load FILE`, then `footfall build`; `footfall status` tells the rest")
    looks.add_row("the pipeline", "`make dev` opens Dagster on http://127.0.0.1:3000")
    console.print(looks)


def sparkline(numbers: Sequence[float | None], width: int = 20) -> str:
    """A line of bars, each the mean of an equal share of the numbers, the highest one full."""
    known = [number or 0.0 for number in numbers]
    if not known:
        return ""
    count = min(width, len(known))
    edges = [round(n * len(known) / count) for n in range(count + 1)]
    means = [sum(known[a:b]) / (b - a) for a, b in pairwise(edges)]
    top = max(means) or 1.0
    return "".join(BARS[min(7, int(8 * max(mean, 0.0) / top))] for mean in means)


def _print_actives(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        """
        with days_with_data as (
            select *
            from fct_active_persons
            where segment = 'app' and is_complete
            qualify activity_date <= max(activity_date) filter (where dau > 0) over (partition by segment_value)
        )
        select segment_value, max(activity_date), arg_max(dau, activity_date), arg_max(wau, activity_date),
            arg_max(mau, activity_date), arg_max(stickiness, activity_date), list(mau order by activity_date)
        from days_with_data
        group by segment_value
        order by segment_value
        """
    ).fetchall()
    table = Table("app", "as of", *_right("DAU", "WAU", "MAU", "stickiness"), "MAU over time", title="Active persons")
    for app, day, dau, wau, mau, stickiness, history in rows:
        share = "" if stickiness is None else f"{stickiness:.1%}"
        table.add_row(app, str(day), f"{dau:,}", f"{wau:,}", f"{mau:,}", share, sparkline(history))
    _show(table)


def _print_sessions(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        """
        with weeks as (
            select app, date_trunc('week', session_date) as week, count(*) as sessions, sum(events) as events,
                sum(duration_seconds) as seconds
            from fct_sessions
            group by all
        )
        select app, sum(sessions), sum(events) / sum(sessions), sum(seconds) / sum(sessions),
            list(sessions order by week)
        from weeks
        group by app
        order by app
        """
    ).fetchall()
    table = Table("app", *_right("sessions", "events each", "minutes each"), "sessions a week", title="Sessions")
    for app, sessions, events, seconds, history in rows:
        table.add_row(app, f"{sessions:,}", f"{events:.1f}", f"{seconds / 60:.1f}", sparkline(history))
    _show(table)


def _print_growth(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        """
        select period_start, segment_value, active_persons, new_persons, returning_persons, resurrected_persons,
            dormant_persons, churn_rate
        from fct_growth_accounting
        where period = 'month' and segment = 'app' and is_complete and active_persons > 0
        qualify row_number() over (partition by segment_value order by period_start desc) <= 4
        order by segment_value, period_start
        """
    ).fetchall()
    counts = ("active", "new", "returning", "resurrected", "dormant", "churn")
    table = Table("app", "month", *_right(*counts), title="Growth accounting: active = new + returning + resurrected")
    for month, app, active, new, returning, resurrected, dormant, churn in rows:
        numbers = [f"{number:,}" for number in (active, new, returning, resurrected, dormant)]
        table.add_row(app, f"{month:%Y-%m}", *numbers, "" if churn is None else f"{churn:.1%}")
    _show(table)


def _print_revenue(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        """
        with payments as (
            select *, coalesce(order_id, payment_id) as order_key, date_trunc('month', payment_date) as month
            from fct_payments
            where status = 'completed'
        ),
        months as (select app, month, sum(revenue_cents) as revenue_cents from payments group by all)
        select app, sum(revenue_cents), count(distinct case when kind = 'payment' then order_key end),
            count(distinct case when revenue_cents > 0 then person_id end), -sum(least(revenue_cents, 0)),
            (select list(revenue_cents order by month) from months where months.app = payments.app)
        from payments
        group by app
        order by app
        """
    ).fetchall()
    columns = _right("revenue", "orders", "customers", "refunded")
    table = Table(
        "app", *columns, "revenue a month", title="Revenue: payments minus refunds, in the reporting currency"
    )
    for app, revenue, orders, customers, refunded, history in rows:
        table.add_row(app, _money(revenue), f"{orders:,}", f"{customers:,}", _money(refunded), sparkline(history))
    _show(table)


def _print_subscriptions(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        """
        select period_start, opening_mrr_cents, new_mrr_cents, expansion_mrr_cents, reactivation_mrr_cents,
            contraction_mrr_cents, churned_mrr_cents, closing_mrr_cents, closing_customers, net_revenue_retention
        from fct_mrr_movements
        where segment = 'all' and is_complete
        qualify row_number() over (order by period_start desc) <= 4
        order by period_start
        """
    ).fetchall()
    columns = ("opening", "new", "expansion", "reactivation", "contraction", "churned", "closing", "customers", "NRR")
    table = Table("month", *_right(*columns), title="Monthly recurring revenue")
    for month, *amounts, customers, retention in rows:
        share = "" if retention is None else f"{retention:.1%}"
        table.add_row(f"{month:%Y-%m}", *(_money(amount) for amount in amounts), f"{customers:,}", share)
    _show(table)


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def _right(*names: str) -> list[Column]:
    return [Column(name, justify="right") for name in names]


def _show(table: Table) -> None:
    table.box, table.title_justify, table.title_style, table.header_style = None, "left", "bold", "dim"
    console.print()
    console.print(table)
