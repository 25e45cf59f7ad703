"""`footfall forward`: landed events to other products."""

from __future__ import annotations

import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from orchestration.cli.console import console, errors

if TYPE_CHECKING:
    from forwarding.forwarder import Forwarder, Outcome

forward_app = typer.Typer(help="Send landed events on to Amplitude, Mixpanel, Segment's protocol and webhooks.")
To = Annotated[list[str] | None, typer.Option("--to", help="This destination alone; all when none is named.")]


@forward_app.callback(invoke_without_command=True)
def forward(
    context: typer.Context,
    to: To = None,
    watch: Annotated[bool, typer.Option(help="Go on, and send what lands from now on too. Ctrl-C ends it.")] = False,
) -> None:
    """Send what has landed and was not sent on yet; each event at least once, and always under the same id.

    Destinations are those that have a key: FOOTFALL_AMPLITUDE_API_KEY, FOOTFALL_MIXPANEL_TOKEN,
    FOOTFALL_SEGMENT_WRITE_KEY, FOOTFALL_WEBHOOK_URLS. Ends with 1 when something was left for the next run.
    """
    if context.invoked_subcommand:
        return
    from ingest.collector.settings import CollectorSettings

    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("footfall").setLevel(logging.INFO)
    stopped = threading.Event()
    forwarders = _forwarders(to, stopped)
    pause = CollectorSettings().flush_interval_seconds  # type: ignore[call-arg]

    def run(forwarder: Forwarder) -> Outcome:
        while True:
            outcome = _tried(forwarder)
            if outcome.sent or outcome.refused or outcome.fault or not watch:
                console.print(_line(forwarder, outcome), soft_wrap=True)
            if not watch or stopped.wait(pause):
                return outcome

    with ThreadPoolExecutor(len(forwarders)) as threads:
        running = [threads.submit(run, forwarder) for forwarder in forwarders]
        try:
            outcomes = [each.result() for each in as_completed(running)]
        except BaseException:
            # what is under way is answered; what waits is left, and sent by the next run
            stopped.set()
            raise
    sys.exit(1 if any(outcome.fault for outcome in outcomes) else 0)


@forward_app.command()
def status() -> None:
    """Show how far each destination has come."""
    table = Table("destination", "sent", "dead letters", "waiting", "last sent", "fault", box=None, pad_edge=False)
    for each in _forwarders(None):
        progress, dead = each.records.read(), len(each.records.dead())
        told = (f"{progress.sent:,}", f"{dead:,}", f"{each.waiting():,}", progress.last_sent_at or "never")
        table.add_row(each.destination.name, *told, progress.fault or "none")
    console.print(table)


@forward_app.command()
def dead(
    to: To = None,
    number: Annotated[int, typer.Option(min=1, help="How many to show of each destination.")] = 20,
) -> None:
    """Show the events that were not taken, and why."""
    for each in _forwarders(to):
        letters = each.records.dead()
        console.print(f"{each.destination.name}: {len(letters):,} dead letters")
        for letter in letters[-number:]:
            console.print(f"  {letter.batch_id}  {letter.place[1]}  {letter.reason}", soft_wrap=True)


@forward_app.command()
def replay(to: To = None) -> None:
    """Send the dead letters again; those that are taken now are dead no more."""
    failed = False
    for each in _forwarders(to):
        outcome = each.replay()
        console.print(f"{each.destination.name}: {outcome.sent:,} sent, {outcome.refused:,} dead letters are left")
        if outcome.fault:
            errors.print(outcome.fault)
        failed = failed or bool(outcome.fault)
    sys.exit(1 if failed else 0)


@forward_app.command()
def skip(to: To = None) -> None:
    """Take what has landed by now for sent, so that only what lands later is sent on."""
    for each in _forwarders(to):
        console.print(f"{each.destination.name}: {each.skip():,} batches are not sent on")


def _tried(forwarder: Forwarder) -> Outcome:
    from forwarding.forwarder import AlreadyForwarding, Outcome

    try:
        return forwarder.forward()
    except AlreadyForwarding as error:
        return Outcome(fault=str(error))


def _line(forwarder: Forwarder, outcome: Outcome) -> str:
    told = f"{forwarder.destination.name}: {outcome.sent:,} events sent, {outcome.refused:,} refused"
    if forwarder.settings.sandbox_mode:
        told = f"{forwarder.destination.name}: {outcome.sent:,} events logged, none sent (sandbox)"
    return f"{told}; the rest waits: {outcome.fault}" if outcome.fault else told


def _forwarders(to: list[str] | None, stopped: threading.Event | None = None) -> list[Forwarder]:
    from forwarding.forwarder import forwarders
    from orchestration.settings import home

    known = forwarders(home(), stopped)
    if not known:
        errors.print(
            "There is nowhere to send to. Set FOOTFALL_AMPLITUDE_API_KEY, FOOTFALL_MIXPANEL_TOKEN, "
            "FOOTFALL_SEGMENT_WRITE_KEY or FOOTFALL_WEBHOOK_URLS."
        )
        sys.exit(2)
    if unknown := sorted(set(to or ()) - known.keys()):
        errors.print(f"There is no destination {', '.join(unknown)}; there is {', '.join(known)}.")
        sys.exit(2)
    return [each for name, each in known.items() if not to or name in to]
