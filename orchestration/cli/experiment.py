"""`footfall experiment`: define experiments, look at them, and see which variant a unit has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.console import console

if TYPE_CHECKING:
    from ingest.experiments import Experiment

experiment_app = typer.Typer(help="Define experiments, and assign units to their variants.", no_args_is_help=True)

METRIC = re.compile(
    r"(?P<metric>[^=]+)=(?P<kind>[a-z]+):(?P<numerator>[^/@,]+)(?:/(?P<denominator>[^@,]+))?"
    r"(?:@(?P<from_days>\d+)-(?P<until_days>\d+))?(?:,(?P<direction>up|down))?"
)
# what stands for revenue where a metric names an event
REVENUE = "$revenue"
Key = Annotated[str, typer.Argument(help="The key of the experiment.", show_default=False)]


@experiment_app.command("list")
def list_experiments() -> None:
    """List the experiments that seeds/ define."""
    from rich.table import Table

    from ingest.experiments import read_experiments

    table = Table(box=None, pad_edge=False)
    for column in ("experiment", "app", "unit", "from", "until", "traffic", "variants", "primary metric"):
        table.add_column(column, no_wrap=column == "experiment")
    for experiment in read_experiments():
        primary = next(metric.metric for metric in experiment.metrics if metric.is_primary)
        table.add_row(
            experiment.experiment,
            experiment.app,
            experiment.unit,
            str(experiment.start_date),
            str(experiment.end_date or "open"),
            f"{experiment.traffic_percent:f} %",
            ", ".join(variant.variant for variant in experiment.variants),
            primary,
        )
    console.print(table)


@experiment_app.command("show")
def show(key: Key) -> None:
    """Print an experiment as YAML, which `define --file` reads, and as comments of it the results so far."""
    import yaml

    from ingest.experiments import read_experiment
    from orchestration.cli.results import results
    from orchestration.settings import home

    experiment = read_experiment(key)
    definition = experiment.model_dump(mode="json", exclude_none=True)
    definition["traffic_percent"] = float(definition["traffic_percent"])
    typer.echo(yaml.safe_dump(definition, sort_keys=False, allow_unicode=True), nl=False)
    # of a ratio the cents cancel out, or are for each of something
    money = [metric.metric for metric in experiment.metrics if metric.numerator == REVENUE and metric.kind == "mean"]
    for line in results(home(), key, money):
        typer.echo(f"# {line}".rstrip())


@experiment_app.command("define")
def define(
    key: Annotated[str | None, typer.Argument(help="Its key, as exposures name it; not with --file.")] = None,
    file: Annotated[Path | None, typer.Option(help="A YAML or JSON file with the whole definition.")] = None,
    app: Annotated[str, typer.Option(help="The app that it is of.")] = "default",
    unit: Annotated[str, typer.Option(help="Whose id is hashed: person, device or account.")] = "person",
    assigned_by: Annotated[
        str, typer.Option(help="footfall: by our hash, which exposures are held to; elsewhere: by another tool.")
    ] = "footfall",
    start: Annotated[str | None, typer.Option(help="First day of exposures, yyyy-mm-dd.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day of exposures.")] = None,
    traffic: Annotated[str, typer.Option(help="Percent of units that take part.")] = "100",
    variant: Annotated[list[str] | None, typer.Option(help="NAME=WEIGHT; the first is the control.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=KIND:EVENT\\[/EVENT]\\[@FROM-UNTIL]\\[,down]; the first is the primary one. KIND is "
            "conversion, mean or ratio, EVENT a canonical name or $revenue, FROM-UNTIL days after the exposure."
        ),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Wanted chance to find what is not there.")] = 0.05,
    power: Annotated[float, typer.Option(help="Wanted chance to find the effect.")] = 0.8,
    effect: Annotated[
        float, typer.Option(help="The smallest effect worth finding; 0.05 is 5 % of the control.")
    ] = 0.05,
    pre_period_days: Annotated[int, typer.Option(help="Days before the exposure that CUPED looks at.")] = 14,
    hypothesis: Annotated[str, typer.Option(help="What is expected, and why.")] = "",
    change_split: Annotated[bool, typer.Option("--change-split", help="Assign units anew where it differs.")] = False,
) -> None:
    """Write a definition into seeds/, checked; the next `footfall build` shows its results."""
    from ingest.experiments import ExperimentError
    from ingest.experiments import define as write
    from ingest.experiments.definitions import checked

    if (file is None) == (key is None):
        raise ExperimentError("Say either the key of the experiment with its options, or --file.")
    if file:
        definition = _read(file)
    else:
        definition = {
            "experiment": key,
            "app": app,
            "unit": unit,
            "assigned_by": assigned_by,
            "start_date": start,
            "end_date": end,
            "traffic_percent": traffic,
            "alpha": alpha,
            "power": power,
            "minimum_detectable_effect": effect,
            "pre_period_days": pre_period_days,
            "hypothesis": hypothesis,
            "variants": [_variant(text) | {"is_control": place == 0} for place, text in enumerate(variant or [])],
            "metrics": [_metric(text) | {"is_primary": place == 0} for place, text in enumerate(metric or [])],
        }
    experiment = checked(definition)
    with _nobody_builds():
        is_new = write(experiment, change_split)
    console.print(f"{'Defined' if is_new else 'Changed'} {experiment.experiment}: {_split(experiment)}.")
    console.print("Its results come with the next `footfall build`.")


@experiment_app.command("remove")
def remove(key: Key) -> None:
    """Take a definition out of seeds/; its exposures stay, and are faults until it is defined again."""
    from ingest.experiments import remove as take_out

    with _nobody_builds():
        take_out(key)
    console.print(f"Removed {key}.")


@experiment_app.command("assign")
def assign(
    key: Key, units: Annotated[list[str], typer.Argument(help="Ids, letter for letter.", show_default=False)]
) -> None:
    """Print the variant of each unit, a tab between; a blank one takes no part."""
    from ingest.experiments import ExperimentError, read_experiment

    experiment = read_experiment(key)
    if experiment.assigned_by == "elsewhere":
        raise ExperimentError(f"{key} is assigned elsewhere: ask there, or define it anew with --assigned-by footfall.")
    for unit in units:
        typer.echo(f"{unit}\t{experiment.variant_of(unit) or ''}")


def _read(file: Path) -> Any:
    import yaml

    from ingest.experiments import ExperimentError

    try:
        definition = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExperimentError(f"{file} cannot be read as YAML or JSON: {error}") from error
    if not isinstance(definition, dict):
        raise ExperimentError(f"{file} holds no definition: its top level is no mapping of fields.")
    return definition


def _variant(text: str) -> dict[str, Any]:
    from ingest.experiments import ExperimentError

    name, _, weight = text.rpartition("=")
    if not name or not weight.isdecimal():
        raise ExperimentError(f"--variant {text!r} is not NAME=WEIGHT, such as control=50.")
    return {"variant": name, "weight": int(weight)}


def _metric(text: str) -> dict[str, Any]:
    from ingest.experiments import ExperimentError

    found = METRIC.fullmatch(text)
    if not found:
        raise ExperimentError(
            f"--metric {text!r} is not NAME=KIND:EVENT[/EVENT][@FROM-UNTIL][,down], "
            "such as bought=conversion:purchase@0-14."
        )
    return {name: value for name, value in found.groupdict().items() if value is not None}


def _split(experiment: Experiment) -> str:
    total = sum(variant.weight for variant in experiment.variants)
    shares = ", ".join(f"{variant.variant} {variant.weight / total:.1%}" for variant in experiment.variants)
    return f"{experiment.traffic_percent:f} % of {experiment.unit}s, of these {shares}"


def _nobody_builds() -> Any:
    """While the seeds are written no build of this home reads them."""
    from orchestration.lock import build_lock
    from orchestration.settings import home

    return build_lock(home(), "footfall experiment")
