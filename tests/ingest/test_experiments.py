"""Assignment is the same in Python and SQL; definitions are checked, written whole, and never reassign in silence."""

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ingest import experiments
from ingest.experiments import Experiment, ExperimentError, assign, definitions
from ingest.experiments.definitions import checked
from ingest.values import install_macros
from orchestration.cli import app
from tests.models import step_of

REPOSITORY = Path(__file__).parents[2]
SEEDS = ("experiments", "experiment_variants", "experiment_metrics")
VALID: dict[str, Any] = {
    "experiment": "button",
    "app": "shop",
    "start_date": "2025-01-01",
    "variants": [{"variant": "plain", "weight": 3, "is_control": True}, {"variant": "red", "weight": 1}],
    "metrics": [
        {"metric": "bought", "kind": "conversion", "numerator": "purchase", "until_days": 7, "is_primary": True}
    ],
}

# DuckDB's text ends where UTF-8 cannot go on
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def assigned_by_sql(rows: list[tuple[str, dict[str, int], str, int]]) -> list[str | None]:
    """What the model's bounds and the functions say."""
    bounds = step_of("int_experiment_exposures", "variant_bounds", experiment_variants="variants")
    connection = duckdb.connect()
    install_macros(connection)
    connection.execute("create table variants (experiment integer, variant varchar, weight bigint)")
    connection.execute(
        "create table units (place integer, experiment varchar, unit varchar, traffic_percent decimal(5, 2))"
    )
    for place, (experiment, weights, unit, hundredths) in enumerate(rows):
        connection.execute(
            "insert into units values (?, ?, ?, ?::decimal(9, 2) / 100)", [place, experiment, unit, hundredths]
        )
        for variant, weight in weights.items():
            connection.execute("insert into variants values (?, ?, ?)", [place, variant, weight])
    found = connection.execute(
        f"""
        select units.place, bounds.variant from units
        left join ({bounds}) as bounds
            on units.place = bounds.experiment
            and traffic_bucket(units.experiment, units.unit) < 100 * units.traffic_percent
            and variant_bucket(units.experiment, units.unit, bounds.total_weight)
            between bounds.lower_bound and bounds.upper_bound - 1
        order by units.place
        """
    ).fetchall()
    assert [place for place, _ in found] == list(range(len(rows)))
    return [variant for _, variant in found]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            texts, st.dictionaries(texts, st.integers(1, 10_000), min_size=1, max_size=4), texts, st.integers(1, 10_000)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_python_and_sql_assign_the_same_variant(rows: list[tuple[str, dict[str, int], str, int]]) -> None:
    expected = [assign(experiment, weights, unit, part / 100) for experiment, weights, unit, part in rows]
    assert assigned_by_sql(rows) == expected


def test_assignment_never_changes() -> None:
    """Written down once: another machine or version that says otherwise would show units another variant."""
    weights = {"a": 1, "b": 1, "c": 2}
    assert [assign("checkout", weights, unit) for unit in ("ada", "bob", "cem", "Ünïcode-✓", "-1")] == ASSIGNED
    with pytest.raises(UnicodeEncodeError):
        assign("checkout", weights, "\ud800")


ASSIGNED = ["c", "b", "b", "c", "c"]


def test_units_fall_into_variants_as_the_weights_say_and_experiments_are_independent() -> None:
    units = [f"unit-{number}" for number in range(40_000)]
    weights = {"a": 1, "b": 3}
    first = [assign("first", weights, unit, 50) for unit in units]
    counts = Counter(first)
    assert counts[None] == pytest.approx(20_000, abs=500)
    assert counts["b"] == pytest.approx(15_000, abs=450)
    second = Counter(zip(first, (assign("second", {"x": 1, "y": 1}, unit) for unit in units), strict=True))
    assert second["a", "x"] == pytest.approx(counts["a"] / 2, abs=250)
    # more traffic adds units, and moves nobody
    wider = [assign("first", weights, unit, 75) for unit in units]
    assert all(then == now for then, now in zip(first, wider, strict=True) if then)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"experiment": "has space"}, "experiment: String should match pattern"),
        ({"start_date": "soon"}, "start_date: Input should be a valid date"),
        ({"end_date": "2024-12-31"}, "it ends before it starts"),
        ({"traffic_percent": "0"}, "traffic_percent: Input should be greater than 0"),
        ({"traffic_percent": "33.333"}, "traffic_percent: Decimal input should have no more than 2 decimal places"),
        ({"variants": VALID["variants"][:1]}, "it needs at least two variants"),
        ({"variants": [{"variant": "a"}, {"variant": "b"}]}, "exactly one variant is the control"),
        ({"variants": [*VALID["variants"], {"variant": "red"}]}, "red stands in it twice"),
        ({"variants": [*VALID["variants"], {"variant": "all"}]}, "'all' and 'several' are sums"),
        (
            {"variants": [*VALID["variants"], {"variant": "x", "weight": 0}]},
            "weight: Input should be greater than or equal to 1",
        ),
        ({"metrics": []}, "exactly one metric is the primary one"),
        ({"metrics": [VALID["metrics"][0] | {"kind": "ratio"}]}, "metric bought: a ratio has a denominator"),
        ({"metrics": [VALID["metrics"][0] | {"from_days": 7}]}, "until_days must be above from_days"),
        ({"metrics": [VALID["metrics"][0] | {"numerator": "experiment_exposed"}]}, "an exposure is no outcome"),
        ({"power": 0.01}, "power must be above alpha"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_fault_of_a_definition_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError, match="is not defined well") as error:
        checked(VALID | change)
    assert said in str(error.value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The seeds of this repository, in a project of their own."""
    (tmp_path / "seeds").mkdir()
    for seed in (*SEEDS, "event_catalog"):
        shutil.copy(REPOSITORY / "seeds" / f"{seed}.csv", tmp_path / "seeds")
    monkeypatch.setattr(definitions, "project_folder", lambda: tmp_path)
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    return tmp_path


def contents(project: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (project / "seeds").glob("*.csv")}


def footfall(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["experiment", *arguments])


def test_a_definition_is_written_read_and_taken_back(project: Path) -> None:
    before, known = contents(project), experiments.read_experiments()
    assert experiments.define(checked(VALID)) is True
    assert experiments.read_experiments() == [*known, checked(VALID)]
    experiments.remove("button")
    # what was there is as it was, letter for letter
    assert contents(project) == before
    with pytest.raises(ExperimentError, match=r"There is no experiment 'button'. Defined are: pricing_page_2015"):
        experiments.remove("button")


def test_definitions_from_several_homes_at_once_are_all_kept(project: Path) -> None:
    before = experiments.read_experiments()
    definitions_at_once = [checked(VALID | {"experiment": f"button_{number}"}) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(experiments.define, definitions_at_once))
    assert len(experiments.read_experiments()) == len(before) + 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(experiments.remove, (experiment.experiment for experiment in definitions_at_once)))
    assert experiments.read_experiments() == before


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_a_command_that_was_stopped_is_mended_by_the_same_one(
    replaced: int, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(project)
    replace = Path.replace

    def stop_after(replacements: int) -> None:
        left = iter([True] * replacements)

        def replace_or_stop(path: Path, target: Path) -> Path:
            if not next(left, False):
                raise KeyboardInterrupt
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", replace_or_stop)

    for command, is_there in (
        (lambda: experiments.define(checked(VALID)), True),
        (lambda: experiments.remove("button"), False),
    ):
        stop_after(replaced)
        with pytest.raises(KeyboardInterrupt):
            command()
        monkeypatch.setattr(Path, "replace", replace)
        command()
        assert ("button" in [known.experiment for known in experiments.read_experiments()]) == is_there
    assert contents(project) == before


def test_a_split_is_not_changed_in_silence(project: Path) -> None:
    experiments.define(checked(VALID))
    longer = VALID | {"end_date": "2025-02-01", "hypothesis": 'it, "stands" out'}
    assert experiments.define(checked(longer)) is False
    assert experiments.read_experiment("button") == checked(longer)
    other_control = [VALID["variants"][0] | {"is_control": False}, VALID["variants"][1] | {"is_control": True}]
    experiments.define(checked(longer | {"variants": other_control}))
    before = contents(project)
    changes: list[dict[str, Any]] = [
        {"unit": "device"},
        {"traffic_percent": 50},
        {"variants": [VALID["variants"][0], VALID["variants"][1] | {"weight": 2}]},
        {"variants": [*VALID["variants"], {"variant": "blue"}]},
    ]
    for change in changes:
        with pytest.raises(ExperimentError, match="button would assign its units anew"):
            experiments.define(checked(longer | change))
        assert contents(project) == before
        assert experiments.define(checked(VALID | change), change_split=True) is False
        experiments.define(checked(longer | {"variants": other_control}), change_split=True)


def test_a_metric_names_events_as_they_are_reported(project: Path) -> None:
    sent = VALID["metrics"][0] | {"numerator": "Order Completed"}
    with pytest.raises(
        ExperimentError, match=r"bought counts 'Order Completed', which is reported as 'order_completed'"
    ):
        experiments.define(checked(VALID | {"metrics": [sent]}))


def test_seeds_with_faults_are_told_of(project: Path) -> None:
    variants = project / "seeds" / "experiment_variants.csv"
    text = variants.read_text()
    variants.write_text(text + "ghost,a,1,true\n")
    with pytest.raises(ExperimentError, match=r"experiment_variants.csv names the experiment 'ghost'.* remove ghost"):
        experiments.read_experiments()
    variants.write_text(text.replace("pricing_page_2015,control,1,true", "pricing_page_2015,control,many,true"))
    with pytest.raises(ExperimentError, match=r"pricing_page_2015 is not defined well:\n  variants.0.weight"):
        experiments.read_experiments()


def test_the_commands_define_show_assign_and_remove(project: Path) -> None:
    options = "--app shop --start 2025-01-01 --variant plain=3 --variant red=1 --metric bought=conversion:purchase@0-7"
    done = footfall("define", "button", *options.split(), "--metric", "refunds=ratio:refund/purchase,down")
    assert done.exit_code == 0, done.output
    assert "Defined button: 100 % of persons, of these plain 75.0%, red 25.0%." in done.output
    button = experiments.read_experiment("button")
    assert button.metrics[1] == experiments.Metric(
        metric="refunds", kind="ratio", numerator="refund", denominator="purchase", direction="down"
    )
    assert "button" in footfall("list").output
    assigned = footfall("assign", "button", "ada", "bob", "Ünïcode").output.splitlines()
    assert assigned == [f"{unit}\t{button.variant_of(unit)}" for unit in ("ada", "bob", "Ünïcode")]
    shown = footfall("show", "button").output
    assert checked(yaml.safe_load(shown)) == button
    # what is shown can be edited and defined again
    file = project / "button.yml"
    file.write_text(shown.replace("weight: 3", "weight: 1"))
    refused = footfall("define", "--file", str(file))
    assert isinstance(refused.exception, ExperimentError) and "--change-split" in str(refused.exception)
    assert "Changed button" in footfall("define", "--file", str(file), "--change-split").output
    assert footfall("remove", "button").output == "Removed button.\n"
    for wrong in (["define"], ["define", "b", "--variant", "a"], ["define", "b", "--metric", "x"], ["show", "button"]):
        assert isinstance(footfall(*wrong).exception, ExperimentError)
    assert footfall("define", "--file", str(project / "missing.yml")).exception is not None


def test_the_demo_shows_its_visitors_what_the_seeds_assign() -> None:
    from demo import studio

    pricing, feed = (experiments.read_experiment(key) for key in (studio.PRICING, studio.FEED))
    splits: list[tuple[Experiment, dict[str, int], float]] = [
        (pricing, studio.PRICES_SHOWN, 100),
        (feed, studio.FEEDS_SHOWN, studio.FEED_PERCENT),
    ]
    for experiment, weights, percent in splits:
        assert {variant.variant: variant.weight for variant in experiment.variants} == weights
        assert float(experiment.traffic_percent) == percent


def test_of_units_that_are_assigned_elsewhere_no_variant_is_known_here(project: Path) -> None:
    assert experiments.define(checked(VALID | {"assigned_by": "elsewhere"}))
    read = experiments.read_experiment("button")
    assert read.assigned_by == "elsewhere"
    assert read.variant_of("ada") is None
    assert "is assigned elsewhere: ask there" in str(footfall("assign", "button", "ada").exception)
    with pytest.raises(ExperimentError, match="assigned_by: Input should be 'footfall' or 'elsewhere'"):
        checked(VALID | {"assigned_by": "them"})


def test_results_are_shown_as_they_are_published(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    metrics = [*VALID["metrics"], {"metric": "spent", "kind": "mean", "numerator": "$revenue"}]
    assert experiments.define(checked(VALID | {"metrics": metrics}))
    shown = footfall("show", "button").output
    assert shown.endswith("# No results yet: nothing is published. Run `footfall build`.\n")
    folder = tmp_path / "home" / "published" / "publications" / "1"
    folder.mkdir(parents=True)
    (folder.parents[1] / "files").mkdir()
    (folder.parents[1] / "current").symlink_to("publications/1")
    (folder / "catalog.json").write_text('{"inputs": {"settings": {"reporting_currency": "EUR"}}, "relations": {}}')
    with duckdb.connect(str(folder / "marts.duckdb")) as connection:
        connection.execute("""
            create table fct_experiment_health as
            select 'button' as experiment, 'ended' as status, 1500 as exposed_units, 0.5 as srm_p_value,
                true as is_valid, true as is_complete, 3 as several_variants_units, 0 as misassigned_units,
                null::bigint as units_missing""")
        connection.execute("""
            create table fct_experiment_results as
            select 'button' as experiment, *
            from (values
                ('bought', 'red', 'conversion', true, false, 400, 0.125, 25.0, 10.0, 40.0, 0.0312, 0.97, 'winner'),
                ('bought', 'plain', 'conversion', true, true, 1100, 0.1, null, null, null, null, null, 'control'),
                ('spent', 'plain', 'mean', false, true, 1100, 1234.5, null, null, null, null, null, 'control')
            ) as found (
                metric, variant, kind, is_primary, is_control, units, value, improvement_percent,
                improvement_percent_lower, improvement_percent_upper, p_value, chance_to_win, verdict
            )""")
    lines = [line for line in footfall("show", "button").output.splitlines() if line.startswith("#")]
    assert [" ".join(line.split()) for line in lines] == [
        "# ended: 1,500 units count, the split was kept (p 0.5)",
        "# 3 units saw several variants and are left out",
        "# metric variant units value against the control 95 % interval p chance to win verdict",
        "# bought (primary) plain 1,100 10.00 % control",
        "# bought (primary) red 400 12.50 % +25.0 % +10.0 to +40.0 % 0.0312 97.0 % winner",
        "# spent plain 1,100 €12.35 control",
    ]
    assert checked(yaml.safe_load(footfall("show", "button").output)) == experiments.read_experiment("button")
