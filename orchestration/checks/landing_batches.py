"""One suite on landed batches: volume, nulls, ranges and names, before any model reads them.

A failed expectation does not stop a build, whose own tests decide what is published: it tells people that a sender
has changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from ingest.envelope import LANDING_COLUMNS
from ingest.landing.batches import BatchReceipt, list_batches
from ingest.landing.paths import events_dir
from orchestration.build import read_outcome

if TYPE_CHECKING:
    import great_expectations as gx
    import pandas as pd

SAMPLE_ROWS = 200_000
# beside the landed columns, facts that a row must hold, worked out by DuckDB
ROW_FACTS = {
    "is_on_its_day": "coalesce(corrected_date, event_date) = cast(occurred_at as date)",
    "has_an_id": "user_id is not null or anonymous_id is not null",
    "has_object_properties": "json_type(properties) = 'OBJECT'",
}


@dataclass(frozen=True)
class Expectation:
    """What one expectation asked and found."""

    sentence: str
    passed: bool
    observed: str


@dataclass(frozen=True)
class Outcome:
    """What the suite found in some batches: rows in them, rows looked at, and each expectation."""

    rows: int
    sampled: int
    expectations: list[Expectation]

    @property
    def met(self) -> int:
        """How many expectations were met."""
        return sum(expectation.passed for expectation in self.expectations)

    @property
    def failed(self) -> list[str]:
        """The expectations that were not met."""
        return [expectation.sentence for expectation in self.expectations if not expectation.passed]

    @property
    def passed(self) -> bool:
        """Whether all were."""
        return self.met == len(self.expectations)

    def as_markdown(self) -> str:
        """A table of the expectations, those that failed first."""
        lines = ["| | expectation | observed |", "|---|---|---|"]
        for each in sorted(self.expectations, key=lambda expectation: expectation.passed):
            lines.append(f"| {'✓' if each.passed else '✗'} | {each.sentence} | {each.observed} |")
        return "\n".join(lines)


def batches_to_check(home: Path) -> list[BatchReceipt]:
    """The batches that the last passed build did not know yet, else the newest one."""
    batches = list_batches(home)
    outcome = read_outcome(home)
    newest = outcome.inputs["batches"]["newest"] if outcome and outcome.status == "passed" else None
    unseen = [batch for batch in batches if newest is None or batch.batch_id > newest]
    return unseen or batches[-1:]


def expect_sane(home: Path, batches: list[BatchReceipt]) -> Outcome:
    """Run the suite on the accepted rows of some batches, at most `SAMPLE_ROWS` of them, drawn by a fixed seed."""
    files = [str(home / batch.path) for batch in batches if batch.path]
    rows = sum(batch.accepted for batch in batches)
    if not files:
        return Outcome(rows, 0, [])
    # whose columns are there also where the files are older than some of them
    schema = str(events_dir(home) / "load_date=0001-01-01" / "schema.parquet")
    return validate(sample([schema, *files]), rows)


def sample(files: list[str]) -> pd.DataFrame:
    """Read at most `SAMPLE_ROWS` rows of landed files into pandas, with the facts of each row beside its columns."""
    facts = ", ".join(f"coalesce({fact}, false) as {name}" for name, fact in ROW_FACTS.items())
    with duckdb.connect() as connection:
        return connection.execute(
            f"select *, {facts} from read_parquet(?, hive_partitioning = false, union_by_name = true) "  # noqa: S608
            f"using sample reservoir({SAMPLE_ROWS} rows) repeatable (1)",
            [files],
        ).df()


def validate(events: pd.DataFrame, rows: int) -> Outcome:
    """Run the suite on a table of events; `rows` is how many the batches hold in all."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_pandas("landing").add_dataframe_asset("events")
    batch = source.add_batch_definition_whole_dataframe("newest").get_batch({"dataframe": events})
    result = batch.validate(_suite(), result_format="SUMMARY")
    return Outcome(rows, len(events), [_told(each) for each in result.results])


def _suite() -> gx.ExpectationSuite:
    import great_expectations as gx

    expect: Any = gx.expectations
    tomorrow = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    expectations: list[Any] = [
        expect.ExpectTableRowCountToBeBetween(min_value=1),
        expect.ExpectTableColumnsToMatchSet(column_set=[*LANDING_COLUMNS, *ROW_FACTS], exact_match=True),
        expect.ExpectColumnValuesToNotBeNull(column="event_id"),
        # a copy with other content is legal, and rare
        expect.ExpectColumnValuesToBeUnique(column="event_id", mostly=0.99),
        expect.ExpectColumnValuesToNotBeNull(column="event_name"),
        expect.ExpectColumnValueLengthsToBeBetween(column="event_name", min_value=1, max_value=200),
        # more names than that are values that slipped into names
        expect.ExpectColumnUniqueValueCountToBeBetween(column="event_name", min_value=1, max_value=2000),
        expect.ExpectColumnValuesToNotBeNull(column="app"),
        expect.ExpectColumnValuesToNotBeNull(column="occurred_at"),
        expect.ExpectColumnMinToBeBetween(column="occurred_at", min_value=datetime(2000, 1, 1)),
        expect.ExpectColumnMaxToBeBetween(column="occurred_at", max_value=tomorrow),
        expect.ExpectColumnValuesToNotBeNull(column="content_hash"),
        expect.ExpectColumnValuesToBeInSet(column="is_on_its_day", value_set=[True]),
        expect.ExpectColumnValuesToBeInSet(column="has_object_properties", value_set=[True]),
        expect.ExpectColumnValuesToBeInSet(column="has_an_id", value_set=[True], mostly=0.5),
    ]
    return gx.ExpectationSuite(name="landed_batches", expectations=expectations)


def _told(result: Any) -> Expectation:
    """One expectation in words, with what was observed."""
    arguments = {
        name: value
        for name, value in result.expectation_config.kwargs.items()
        if name not in ("column", "batch_id", "column_set", "exact_match") and value is not None
    }
    column = result.expectation_config.kwargs.get("column")
    kind = result.expectation_config.type.removeprefix("expect_").replace("_", " ")
    limits = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in arguments.items())
    found = result.result
    observed = found.get("observed_value")
    if observed is None and "unexpected_percent" in found:
        observed = f"{found['unexpected_count']:,} of {found['element_count']:,} rows otherwise"
        if found.get("partial_unexpected_list"):
            observed += f", such as {found['partial_unexpected_list'][0]!r}"
    elif isinstance(observed, list):
        observed = f"{len(observed)} columns"
    raised = (result.exception_info or {}).get("exception_message")
    sentence = f"{f'`{column}`: ' if column else ''}{kind}{f' ({limits})' if limits else ''}"
    return Expectation(sentence, bool(result.success), str(raised or observed).replace("|", "\\|"))
