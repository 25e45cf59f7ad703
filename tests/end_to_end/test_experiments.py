"""Experiments on the real Cookie Cats set, and random exposures and outcomes against plain counting."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

import ingest
from ingest import experiments
from ingest.experiments.definitions import checked
from ingest.values import install_macros
from tests.end_to_end.dbt_project import copy_project, run_dbt
from tests.ingest.events import REAL_DATA

test_proportions_2indep.__test__ = False
COOKIE_CATS = REAL_DATA / "ab_test" / "cookie_cats.csv"
DAY = timedelta(days=1)
ARMS = [{"variant": "control", "is_control": True}, {"variant": "treatment"}]
GATE = {
    "experiment": "gate",
    "app": "ab_test",
    "start_date": "2000-01-01",
    "end_date": "2000-01-01",
    "variants": ARMS,
    "metrics": [
        {"metric": "retained_d7", "kind": "conversion", "numerator": "game_played", "from_days": 7, "until_days": 8},
        {"metric": "retained_d1", "kind": "conversion", "numerator": "game_played", "from_days": 1, "until_days": 2},
    ],
}
GATE["metrics"][0]["is_primary"] = True  # type: ignore[index]
METRICS = [
    {"metric": "paid", "kind": "conversion", "numerator": "$revenue", "until_days": 3, "is_primary": True},
    {"metric": "revenue", "kind": "mean", "numerator": "$revenue"},
    {"metric": "late_opens", "kind": "mean", "numerator": "opened", "from_days": 1, "until_days": 4},
    {"metric": "opens_of_sent", "kind": "ratio", "numerator": "opened", "denominator": "sent"},
]
OWN = {
    unit: checked(
        {
            "experiment": f"by_{unit}",
            "app": "shop",
            "unit": unit,
            "start_date": "2025-01-05",
            "end_date": end,
            "traffic_percent": traffic,
            "pre_period_days": 2,
            "variants": ARMS,
            "metrics": METRICS,
        }
    )
    for unit, end, traffic in (("person", "2025-01-08", 100), ("device", None, 50), ("account", "2025-01-12", 100))
}
MODELS = ("int_experiment_exposures", "int_experiment_values", "int_experiment_moments")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with experiments of its own, built on the published players where they are here."""
    project, home = copy_project(tmp_path_factory.mktemp("project")), tmp_path_factory.mktemp("experiments")
    for experiment in (checked(GATE), *OWN.values()):
        experiments.define(experiment, project=project)
    ingest.ensure_landing(home)
    if COOKIE_CATS.is_file():
        ingest.load([COOKIE_CATS], home, mapping="ab_test")
    run_dbt(
        home, "build", "--resource-type=seed", "--resource-type=model", "--select=+marts.experiments", project=project
    )
    return home


@pytest.mark.skipif(not COOKIE_CATS.is_file(), reason="the real data sets (../shared/data) are not here")
def test_cookie_cats_has_the_published_retention_and_a_split_that_just_passes(home: Path) -> None:
    players = pd.read_csv(COOKIE_CATS, encoding="utf-8-sig")
    arms = players.groupby("version").agg(
        units=("userid", "size"), d1=("retention_1", "sum"), d7=("retention_7", "sum")
    )
    (n, *control), (m, *treatment) = arms.loc["gate_30"].tolist(), arms.loc["gate_40"].tolist()
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.sql("select * from fct_experiment_results where experiment = 'gate' and not is_control").df()
        (health,) = (
            warehouse.sql("select * from fct_experiment_health where experiment = 'gate'").df().to_dict("records")
        )
    for metric, before, after in zip(("retained_d1", "retained_d7"), control, treatment, strict=True):
        row = found.set_index("metric").loc[metric]
        test = test_proportions_2indep(after, m, before, n, compare="diff", method="wald")
        interval = confint_proportions_2indep(after, m, before, n, compare="diff", method="wald")
        assert (row["control_value"], row["value"]) == pytest.approx((before / n, after / m), abs=1e-12)
        assert row["p_value"] == pytest.approx(test.pvalue, abs=1e-6)
        assert (row["uplift_lower"], row["uplift_upper"]) == pytest.approx(interval, abs=1e-6)
    day_7 = found.set_index("metric").loc["retained_d7"]
    assert (round(100 * day_7["control_value"], 2), round(100 * day_7["value"], 2)) == (19.02, 18.20)
    assert round(day_7["p_value"], 4) == 0.0016
    assert (day_7["verdict"], bool(day_7["is_winner"])) == ("loser", False)
    # 44,700 against 45,489 is unlikely of a fair split, and not unlikely enough to be called broken
    assert (n, m, health["exposed_units"]) == (44_700, 45_489, 90_189)
    assert health["srm_p_value"] == pytest.approx(stats.chisquare([n, m]).pvalue, abs=1e-6)
    assert round(health["srm_p_value"], 4) == 0.0086
    # the data end as the seventh day begins, so more of it could still come
    assert (health["status"], health["is_valid"], health["is_complete"]) == ("ended", True, False)


@dataclass(frozen=True)
class Happening:
    """An exposure, an outcome or a payment, as int_experiment_events and int_payments have them."""

    event_id: str
    name: str
    experiment: str
    variant: str | None
    device: int | None
    knows_user: bool
    account: str | None
    at: datetime
    cents: int

    @property
    def person(self) -> str | None:
        """Two devices are one person's."""
        return None if self.device is None else f"p{self.device % 2}"

    @property
    def user_id(self) -> str | None:
        return self.person if self.knows_user else None

    @property
    def anonymous_id(self) -> str | None:
        return None if self.device is None else f"d{self.device}"

    def unit(self, kind: str) -> str | None:
        return self.account if kind == "account" else self.person

    def hashed(self, kind: str) -> str | None:
        if kind == "account":
            return self.account
        ids = (self.user_id, self.anonymous_id) if kind == "person" else (self.anonymous_id, self.user_id)
        return ids[0] or ids[1]


happenings = st.builds(
    Happening,
    event_id=st.text("abcdef", min_size=1, max_size=4),
    name=st.sampled_from(["experiment_exposed", "experiment_exposed", "opened", "sent", "$revenue"]),
    experiment=st.sampled_from(["by_person", "by_person", "by_device", "by_account", "by_nobody"]),
    variant=st.sampled_from(["control", "control", "control", "treatment", "gone", None]),
    device=st.sampled_from([0, 1, 2, None]),
    knows_user=st.booleans(),
    account=st.sampled_from(["acme", None]),
    at=st.sampled_from([datetime(2025, 1, day) for day in (4, 5, 6, 7, 8, 9, 13)])
    | st.datetimes(datetime(2025, 1, 2), datetime(2025, 1, 14)),
    cents=st.sampled_from([500, 900, -200]),
)


def exposures(seen: list[Happening]) -> dict[Any, dict[str, Any]]:
    """The oracle: goes through the exposures one by one."""
    found: dict[Any, dict[str, Any]] = {}
    for event in sorted(seen, key=lambda event: (event.at, event.event_id)):
        if event.name != "experiment_exposed":
            continue
        own = OWN.get(event.experiment.removeprefix("by_"))
        unit = event.unit(own.unit if own else "person")
        row = found.setdefault((event.experiment, unit), {"faults": Counter(), "variants": [], "first": None})
        if own is None:
            row["faults"]["unknown_experiment"] += 1
        elif event.variant not in ("control", "treatment"):
            row["faults"]["unknown_variant"] += 1
        elif event.at.date() < own.start_date or (own.end_date and event.at.date() > own.end_date):
            row["faults"]["outside_dates"] += 1
        elif unit is None:
            row["faults"]["nobody"] += 1
        else:
            row["variants"].append(event.variant)
            row["first"] = row["first"] or event
    return found


def values(
    metric: experiments.Metric, own: experiments.Experiment, first: Happening, unit: str, seen: list[Happening]
) -> Any:
    """x, d, y and e of one unit, by going through all that happened."""
    sums: Counter[str] = Counter()
    found = {"x": False, "y": False}
    for event in seen:
        if event.name == "experiment_exposed" or event.unit(own.unit) != unit:
            continue
        age = event.at - first.at
        if age < timedelta(0):
            place = ("y", "e") if -age <= own.pre_period_days * DAY else None
        elif age < metric.from_days * DAY:
            place = None
        elif metric.until_days is not None:
            place = ("x", "d") if age < metric.until_days * DAY else None
        else:
            place = ("x", "d") if own.end_date is None or event.at.date() <= own.end_date else None
        if place is None:
            continue
        amount = event.cents if event.name == "$revenue" else 1
        if event.name == metric.numerator:
            sums[place[0]] += amount
            found[place[0]] |= amount > 0
        if event.name == metric.denominator:
            sums[place[1]] += amount
    if metric.kind == "conversion":
        return int(found["x"]), 1, int(found["y"]), 1
    if metric.kind == "mean":
        return sums["x"], 1, sums["y"], 1
    return sums["x"], sums["d"], sums["y"], sums["e"]


def expected_moments(seen: list[Happening], found: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, int]]:
    told: dict[Any, dict[str, int]] = {}
    for own in OWN.values():
        for metric in own.metrics:
            for variant in ("control", "treatment"):
                row: dict[str, int] = defaultdict(int)
                for (key, unit), exposed in found.items():
                    if key != own.experiment or set(exposed["variants"]) != {variant}:
                        continue
                    numbers = dict(zip("xdye", values(metric, own, exposed["first"], unit, seen), strict=True))
                    row["units"] += 1
                    for one in range(4):
                        row["xdye"[one]] += numbers["xdye"[one]]
                        for other in range(one, 4):
                            pair = "xdye"[one] + "xdye"[other]
                            row[pair] += numbers[pair[0]] * numbers[pair[1]]
                told[own.experiment, metric.metric, variant] = row
    return told


@pytest.fixture(scope="module")
def warehouse(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The compiled models as views over tables that each example fills."""
    connection = duckdb.connect()
    install_macros(connection)
    connection.execute(f"attach '{home / 'warehouse.duckdb'}' as built (read_only)")
    for seed in ("experiments", "experiment_variants", "experiment_metrics"):
        connection.execute(f"create table {seed} as from built.{seed}")
    for model in ("int_experiment_events", "int_payments"):
        connection.execute(f"create table {model} as from built.{model} limit 0")
    connection.execute("detach built")
    connection.execute(
        "create table int_identities as"
        " select i::ubigint as identity_key, 'p' || i % 2 as person_id from range(3) as r (i)"
    )
    for name in MODELS:
        sql = (home / "target" / "compiled" / "footfall" / "models" / "intermediate" / f"{name}.sql").read_text()
        connection.execute(f"create view {name} as " + sql.replace('"warehouse"."main".', ""))
    yield connection
    connection.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happenings, max_size=30, unique_by=lambda event: event.event_id))
def test_any_exposures_and_outcomes_are_counted_as_plain_counting_does(
    warehouse: duckdb.DuckDBPyConnection, seen: list[Happening]
) -> None:
    warehouse.execute("truncate int_experiment_events; truncate int_payments")
    for e in seen:
        is_exposure = e.name == "experiment_exposed"
        if e.name == "$revenue":
            warehouse.execute(
                "insert into int_payments (app, person_id, account_id, revenue_cents, occurred_at)"
                " values ('shop', ?, ?, ?, ?)",
                [e.person, e.account, e.cents, e.at],
            )
            continue
        shown = [e.experiment, e.variant, e.user_id, e.anonymous_id] if is_exposure else [None] * 4
        warehouse.execute(
            "insert into int_experiment_events (event_id, identity_key, account_id, app, event_name, experiment,"
            " variant, user_id, anonymous_id, event_date, occurred_at) values (?, ?, ?, 'shop', ?, ?, ?, ?, ?, ?, ?)",
            [e.event_id, e.device, e.account, e.name, *shown, e.at.date(), e.at],
        )
    rows = warehouse.execute(
        "select experiment, unit_id, outcome, variant, is_misassigned, exposed_at, exposures,"
        " unknown_experiment_exposures, unknown_variant_exposures, outside_dates_exposures, nobody_exposures"
        " from int_experiment_exposures"
    ).fetchall()
    found = exposures(seen)
    expected = {}
    for key, row in found.items():
        first, faults = row["first"], row["faults"]
        own = OWN.get(key[0].removeprefix("by_"))
        outcome = {0: "faulty", 1: "counted"}.get(len(set(row["variants"])), "several_variants")
        assigned = own.variant_of(first.hashed(own.unit)) if own and first else None
        expected[key] = (
            outcome,
            first and first.variant,
            first is not None and first.variant != assigned,
            first and first.at,
            len(row["variants"]),
            *(faults[name] for name in ("unknown_experiment", "unknown_variant", "outside_dates", "nobody")),
        )
    assert {row[:2]: row[2:] for row in rows} == expected and len(rows) == len(expected)
    sums = ("x", "d", "y", "e", "xx", "xd", "xy", "xe", "dd", "dy", "de", "yy", "ye", "ee")
    columns = ", ".join(f"sum_{name}::hugeint" for name in sums)
    moments = warehouse.execute(
        f"select experiment, metric, variant, units, {columns} from int_experiment_moments"
        " where experiment in ('by_person', 'by_device', 'by_account')"
    ).fetchall()
    told = expected_moments(seen, found)
    assert {row[:3]: row[3:] for row in moments} == {
        key: tuple(row[name] for name in ("units", *sums)) for key, row in told.items()
    }
