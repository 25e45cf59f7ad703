"""The promise: after any sequence of loads every model equals, row for row, one full rebuild.

So it does after erasures, files taken back, opt-outs and the end of old days between the loads, over what is left.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import ingest
from ingest.landing import taking_back
from ingest.landing.batches import list_batches
from ingest.landing.taking_back import DEVICE, USER, Id
from ingest.privacy.suppression import choose
from orchestration import erasure
from tests.end_to_end.dbt_project import REMEMBERED, build_models, copy_part, differences, other_code, run_dbt
from tests.end_to_end.histories import APART, NO_ID, Delivery, Event, history
from tests.ingest.events import landed

HISTORIES = int(os.environ.get("FOOTFALL_PROPERTY_HISTORIES", "480"))
SEED = int(os.environ.get("FOOTFALL_PROPERTY_SEED", "1"))
LOADS = 4
ARRIVAL = ("batch_id", "row_number", "received_at")

SETTINGS = {
    "defaults": {},
    "berlin_days": {
        "FOOTFALL_REPORTING_TIMEZONE": "Europe/Berlin",
        "FOOTFALL_WEEK_START": "sunday",
        "FOOTFALL_IDENTITY_RULE": "last",
        "FOOTFALL_SESSION_MAX_HOURS": "1",
        "FOOTFALL_MAU_DAYS": "28",
        # so few that a first build cuts its sessions in several buckets
        "FOOTFALL_EVENTS_PER_GIB": "200",
        "FOOTFALL_PERSON_SCOPE": "app",
        "FOOTFALL_TRUST_CLIENT_SESSIONS": "true",
        "FOOTFALL_CLIENT_SESSION_SCOPE": "device",
    },
    "client_sessions": {"FOOTFALL_TRUST_CLIENT_SESSIONS": "true", "FOOTFALL_REPORTING_TIMEZONE": "Asia/Kathmandu"},
}
# views over marts that are compared: nothing of them lasts from one build to the next, and one setting is enough
METRICS = ("--exclude", "metric_*")
# how many histories each setting has
PART = HISTORIES // len(SETTINGS)


def deliveries(histories: int, seed: int) -> list[Delivery]:
    apps = [None] * histories + [*APART] * (1 + histories // 40)
    return [delivery for number, app in enumerate(apps) for delivery in history(number, seed, LOADS, app)]


def late() -> list[Delivery]:
    """One more history: the parts touch everything, and it leaves much of what they built as it is."""
    return [replace(each, load=LOADS) for each in history(PART, SEED, LOADS)]


def load(home: Path, events: list[Delivery], number: int, rng: random.Random) -> None:
    """What one load delivers, shuffled and split into one to three files."""
    lines = [json.dumps(delivery.event) for delivery in events if delivery.load == number]
    rng.shuffle(lines)
    files = rng.randint(1, 3)
    for part in range(files):
        # beside the home, of which an erasure reads every file
        path = home.parent / f"{home.name}-load-{number}-{part}.ndjson"
        path.write_text("\n".join(lines[part::files]) + "\n")
        ingest.load([path], home)


def build_in_parts(
    home: Path, histories: int, *arguments: str, choices: Choices | None = None, **build: object
) -> random.Random:
    """Loads in parts with a build after each; returns what the loads were shuffled by."""
    home.mkdir()
    rng = random.Random(SEED)
    events = deliveries(histories, SEED)
    for number in range(LOADS):
        if choices:
            events = choices.before(home, number, events)
        load(home, events, number, rng)
        build_models(home, *(arguments if number == LOADS - 1 else REMEMBERED), **build)
    return rng


class Choices:
    """What people ask for between the loads, and what there would be if only the rest had ever been sent."""

    def __init__(self, histories: int) -> None:
        numbers = range(0, histories, 4)
        self._erase = [f"h{number}-u0" for number in numbers]
        self._come_back = self._erase[::2]
        self._opt_out = {Id(USER, f"h{number + 1}-u0") for number in numbers}
        self._opt_out |= {Id(DEVICE, f"h{number + 2}-d0") for number in numbers}
        self._rng, self._gone = random.Random(SEED), set[Id]()
        self.left: list[Delivery] = []

    def before(self, home: Path, number: int, events: list[Delivery]) -> list[Delivery]:
        """Let them ask for it before a load; return all deliveries, some of this load with a refusal in them."""
        out = self._opt_out if number == 2 else set()
        if number == 1:
            self._end_old_days(home)
        if number == 2:
            self._gone = erasure.ids_of(home, erasure.as_stored(home, self._erase, []))
            assert erasure.erase(home, self._erase).rows["landing"] > 0
            self.left = [each for each in self.left if sender_of(each.event) not in self._gone]
            taken = list_batches(home)[-1]
            erasure.retract(home, [taken.batch_id])
            ingest.load([taken.source.name], home)
            choose(home, out, opts_out=True)
        if number == 3:
            self._gone -= {Id(USER, each) for each in self._come_back}
            assert erasure.allow(home, self._come_back) == len(self._come_back)
            choose(home, self._opt_out, opts_out=False)
        refusing = {n for n, each in enumerate(events) if each.load == number and self._rng.random() < 0.05}
        self.left += [
            each
            for n, each in enumerate(events)
            if each.load == number
            and n not in refusing
            and sender_of(each.event) not in self._gone
            and out.isdisjoint(ids_in(each.event))
        ]
        refusal = {"opt_out": True}
        return [replace(each, event=each.event | refusal) if n in refusing else each for n, each in enumerate(events)]

    def _end_old_days(self, home: Path) -> None:
        """Let a tenth of what landed be older than what is kept."""
        days = sorted(day for (day,) in landed(home, "occurred_at::date"))
        cut = days[len(days) // 10]
        old = {id_ for (id_,) in landed(home, "event_id", f"occurred_at < '{cut}'")}
        receipt = erasure.retain(home, cut)
        assert receipt
        assert receipt.rows["landing"] >= len(old) > 0
        # one id may be of two moments
        self.left = [
            each
            for each in self.left
            if each.event["event_id"] not in old or each.event["occurred_at"] >= cut.isoformat()
        ]


def ids_in(event: Event) -> list[Id]:
    """The ids of the user and the device that an event names."""
    told = ((USER, event["user_id"]), (DEVICE, event["anonymous_id"]))
    return [Id(kind, said) for kind, said in told if said not in NO_ID]


def sender_of(event: Event) -> Id | None:
    """Who sent an event: its user, else its device."""
    return next(iter(ids_in(event)), None)


def landed_rows(home: Path) -> list[tuple[object, ...]]:
    """What landed, but for when it was received, which the load says where the event does not."""
    return landed(home, "* exclude (received_at)")


def drift(home: Path, full: Path, *arguments: str, **build: object) -> dict[str, int]:
    """Builds the landing of a home whole: what differs."""
    full.mkdir()
    (full / "landing").symlink_to(home / "landing")
    build_models(full, *arguments, **build)
    return differences(home, full)


@dataclass
class InParts:
    """A home that was built after each part of what was sent, and by which settings, without which models."""

    path: Path
    settings: dict[str, str]
    left_out: tuple[str, ...]


@pytest.fixture(scope="module", params=SETTINGS)
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> InParts:
    name, folder = request.param, tmp_path_factory.mktemp("parts")
    home = InParts(folder / "home", SETTINGS[name], () if name == "defaults" else METRICS)
    choices = Choices(PART) if name == "client_sessions" else None
    rng = build_in_parts(home.path, PART, *home.left_out, choices=choices, settings=home.settings)
    if choices:
        (folder / "without").mkdir()
        load(folder / "without", [replace(each, load=0) for each in choices.left], 0, rng)
        assert landed_rows(home.path) == landed_rows(folder / "without")
        batches = list_batches(home.path)
        assert sum(batch.suppressed for batch in batches) > 0 < sum(batch.opted_out for batch in batches)
    load(home.path, late(), LOADS, rng)
    statuses = build_models(home.path, *home.left_out, settings=home.settings)
    assert set(statuses.values()) == {"success", "no-op"}
    return home


def test_many_incremental_builds_equal_one_full_build(home: InParts, tmp_path: Path) -> None:
    assert drift(home.path, tmp_path / "full", *home.left_out, settings=home.settings) == {}
    run_dbt(home.path, "test", "--exclude-resource-type=unit_test", *home.left_out, settings=home.settings)


@pytest.mark.parametrize("home", ["defaults"], indirect=True)
def test_the_order_of_arrival_does_not_matter(home: InParts, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    load(other, [replace(each, load=0) for each in [*deliveries(PART, SEED), *late()]], 0, random.Random(SEED))
    build_models(other, *home.left_out, settings=home.settings)
    found = differences(home.path, other, ignored_columns=ARRIVAL)
    # which copies lost depends on which were sent to which load; what won does not
    found.pop("stg_superseded_copies", None)
    found.pop("stg_merges", None)
    assert found == {}


PLANTED: dict[str, tuple[str, ...]] = {
    "stg_events tells a copy whose clock was corrected otherwise by what was written alone": (
        "models/staging/stg_events.sql",
        "hash(content_hash, occurred_at) as content_hash",
        "content_hash",
        "int_person_days",
    ),
    "stg_superseded_copies forgets the copies of earlier loads": (
        "models/staging/stg_superseded_copies.sql",
        "and event_key(app, event_id, event_date) in (",
        "and false and event_key(app, event_id, event_date) in (",
    ),
    "int_sessions never looks back from a session's start": (
        "macros/plumbing/session_changes.sql",
        "sessions.chain_started_at - to_seconds({{ setting('session_timeout_seconds') }})",
        "sessions.chain_started_at",
        "int_sessions",
    ),
    "int_sessions never takes in what was left after its end": (
        "models/intermediate/int_sessions.sql",
        "is_passive then staged_events.occurred_at - to_seconds({{ setting('session_timeout_seconds') }})",
        "is_passive then staged_events.occurred_at",
    ),
    "int_sessions forgets events that a corrected clock moved to another day": (
        "macros/plumbing/watermarks.sql",
        "days[:-1] ~ ', ' ~ moved[1:]",
        "days",
        "int_sessions",
    ),
    "int_stream_days forgets what a superseded copy had made": (
        "macros/plumbing/watermarks.sql",
        "as activity_date from ({{ touched_moments() }}) as touched",
        "as activity_date from ({{ touched_moments() }}) as touched where is_current",
        "int_stream_days",
    ),
    "int_funnel_attempts leaves units whose events change": (
        "models/intermediate/int_funnel_attempts.sql",
        "where unit_contents.content_hash is distinct from built_contents.content_hash",
        "where built_contents.content_hash is null",
    ),
    "int_person_days leaves persons who lose a device": (
        "models/intermediate/int_person_days.sql",
        "where person_contents.content_hash is distinct from built_contents.content_hash",
        "where built_contents.content_hash is null",
    ),
    "int_session_paths forgets what a session does after midnight": (
        "models/intermediate/int_session_paths.sql",
        "'select distinct unnest(generate_series(cast(started_at as date), cast(ended_at as date)",
        "'select distinct unnest(generate_series(cast(started_at as date), cast(started_at as date)",
    ),
    "int_picked_events keeps what a day had before": (
        "models/intermediate/int_picked_events.sql",
        "{{ replaced_rows(is_of_touched_days()) }}",
        "{{ replaced_rows('false') }}",
    ),
    "int_profile_changes keeps what a day had before": (
        "models/intermediate/int_profile_changes.sql",
        "{{ replaced_rows(is_of_touched_days()) }}",
        "{{ replaced_rows('false') }}",
    ),
    "int_told_money_events tells those of a payment alone what its subscription is in": (
        "models/intermediate/int_told_money_events.sql",
        "where (app, subscription_id) in (from changed_subscriptions)",
        "where false",
    ),
    "int_money_movements leaves payments whose events change": (
        "macros/plumbing/money.sql",
        "having bit_xor(source_hash) != 0\n    )",
        "having bit_xor(source_hash) != 0 and count(*) % 2 = 1\n    )",
        "int_money_movements",
    ),
    "int_person_segments takes persons as they were": (
        "models/intermediate/int_person_segments.sql",
        "where person_contents.content_hash is distinct from built_contents.content_hash",
        "where built_contents.content_hash is null",
    ),
}


def model_of(bug: str) -> str:
    """The model that differs by a bug: the one that it is planted in, or that is named."""
    file, _, _, *differing = PLANTED[bug]
    return differing[0] if differing else file.rsplit("/", 1)[1].removesuffix(".sql")


@dataclass
class Sown:
    """What every bug is planted in: one project, parsed once, and what had landed after each load, landed once."""

    project: Path
    landings: list[Path]

    def build(self, home: Path, model: str, landing: Path) -> None:
        """Builds one model, and what it reads, from what had landed."""
        (home / "landing").unlink(missing_ok=True)
        (home / "landing").symlink_to(landing)
        build_models(home, "--select", f"+{model}", project=self.project)


@pytest.fixture(scope="module")
def sown(tmp_path_factory: pytest.TempPathFactory) -> Sown:
    folder = tmp_path_factory.mktemp("sown")
    sown = Sown(copy_part(folder / "project", sorted({model_of(bug) for bug in PLANTED})), [])
    rng, events = random.Random(SEED), deliveries(160, SEED)
    for number in range(LOADS):
        load(folder, events, number, rng)
        sown.landings.append(shutil.copytree(folder / "landing", folder / f"landing-{number}"))
    return sown


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, sown: Sown, tmp_path: Path) -> None:
    file, right, wrong, *_ = PLANTED[bug]
    model, home, full = model_of(bug), tmp_path / "home", tmp_path / "full"
    home.mkdir()
    full.mkdir()
    with other_code(sown.project, file, right, wrong):
        for landing in sown.landings:
            sown.build(home, model, landing)
        sown.build(full, model, sown.landings[-1])
    assert model in differences(home, full)


def test_a_warehouse_that_outlasts_an_erasure_is_found(
    sown: Sown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, home, full = "int_person_days", tmp_path / "home", tmp_path / "full"
    shutil.copytree(sown.landings[-1], home / "landing")
    selected = ("--select", f"+{model}")
    build_models(home, *selected, project=sown.project)
    commit = taking_back.commit

    def leave(folder: Path, plan: taking_back.Plan) -> None:
        plan.removed.remove("warehouse.duckdb")
        commit(folder, plan)

    monkeypatch.setattr(taking_back, "commit", leave)
    persons = [f"h{number}-u0" for number in range(0, 160, 4)]
    assert erasure.erase(home, persons).rows["landing"] > 0
    build_models(home, *selected, project=sown.project)
    assert model in drift(home, full, *selected, project=sown.project)
