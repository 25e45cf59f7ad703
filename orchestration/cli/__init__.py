"""The command line: the same steps that Dagster takes, by hand."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from orchestration.cli import (
    ask,
    build,
    config,
    dashboards,
    demo,
    dev,
    erase,
    experiment,
    export,
    forward,
    keys,
    load,
    privacy,
    publish,
    report,
    serve,
    status,
)
from orchestration.cli.interrupts import is_interrupt

INTERRUPTED = 130
# whose errors are sentences that need nothing more
ROOMS = ("fits", "footfall", "forwarding", "ingest", "orchestration", "serving")
WRONGLY_ASKED = ("UnknownSettingError", "HomeMovedError")

app = typer.Typer(
    name="footfall",
    help="Product-analytics marts that never drift: files in, exact marts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def check_settings() -> None:
    """Refuse what no command can follow before it begins."""
    from orchestration.settings import settings

    settings()


for command in (
    load.load,
    build.build,
    ask.ask,
    report.report,
    export.export,
    publish.publish,
    status.status,
    demo.demo,
    dev.dev,
    serve.serve,
    erase.retract,
    erase.erase,
    erase.retention,
):
    app.command()(command)
app.add_typer(load.quarantine_app, name="quarantine")
app.add_typer(forward.forward_app, name="forward")
app.add_typer(keys.keys_app, name="keys")
app.add_typer(config.config_app, name="config")
app.add_typer(dashboards.dashboards_app, name="dashboards")
app.add_typer(privacy.privacy_app, name="privacy")
app.add_typer(experiment.experiment_app, name="experiment")


def main() -> None:
    """Run the command line; an error is a short sentence, and a traceback only with FOOTFALL_DEBUG=1."""
    try:
        app()
    except SystemExit as done:
        # Typer takes the KeyboardInterrupt itself, and leaves with the code that stands for it
        if done.code != INTERRUPTED:
            raise
        _stop()
    except (Exception, KeyboardInterrupt) as error:
        if is_interrupt(error):
            _stop()
        if os.environ.get("FOOTFALL_DEBUG") == "1":
            raise
        print(f"footfall: {_sentence(error)}", file=sys.stderr)
        sys.exit(2 if type(error).__name__ in WRONGLY_ASKED else 1)


def _stop() -> NoReturn:
    print("\nStopped. What has landed stays, and what is published has not changed;", file=sys.stderr, end=" ")
    print("run the same command to go on.", file=sys.stderr, flush=True)
    sys.stdout.flush()
    # threads of DuckDB may still be reading through Python, which a regular exit would crash on
    os._exit(INTERRUPTED)


def _sentence(error: BaseException) -> str:
    """The error's own words; one that is not ours also gets its kind and the way to see more."""
    ours = type(error).__module__.split(".")[0] in ROOMS
    if ours:
        return str(error)
    return f"{type(error).__name__}: {error}\nSet FOOTFALL_DEBUG=1 and run it again to see where it happened."
