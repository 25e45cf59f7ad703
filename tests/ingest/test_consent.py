"""Events of those who refused or opted out are counted and not stored, whichever way they come and say so."""

import csv
import json
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ingest
from ingest import distinct
from ingest.collector.landing import land_leftovers
from ingest.distinct import LONGEST_KNOWN
from ingest.landing.taking_back import DEVICE, USER, Id
from ingest.privacy import cleaner, suppression
from ingest.privacy.consent import Consent
from ingest.privacy.key import Key
from ingest.privacy.suppression import OPTED_OUT, Suppression, as_stored, choose
from ingest.settings import CONSENT_CATEGORIES, IllegalSetting, LoadSettings
from tests.ingest.events import batches, event, landed, one, quarantined, write_ndjson

SEGMENTS = {"consent": {"categoryPreferences": {"Advertising": True, "Analytics": False}}}
REFUSALS: list[dict[str, Any]] = [
    {"opt_out": True},
    {"optOut": "yes"},
    {"opted_out": 1},
    {"$opt_out": "True"},
    {"opt_out": 1.0},
    {"opt_out": "t"},
    {"consent": "0.0"},
    {"consent": False},
    {"consent": "denied"},
    {"consent": {"analytics": False}},
    {"consent": {"Analytics Storage": "DENIED", "ad_storage": "GRANTED"}},
    {"consent": {"C0001": True, "C0002": False}},
    SEGMENTS,
    {"gcs": "G100"},
    {"gcs": "G110"},
    {"gcd": "13l3p3l3l1"},
    {"gcd": "11t1u1t1t5"},
    {"privacy_info": {"analytics_storage": "No", "ads_storage": "Yes"}},
]
ASSENTS: list[dict[str, Any]] = [
    {"opt_out": False},
    {"opt_out": "no"},
    {"opt_out": None},
    {"consent": True},
    {"consent": "granted"},
    {"consent": {"analytics": True, "advertising": False}},
    {"consent": {"ad_user_data": "DENIED", "ad_personalization": "DENIED"}},
    {"consent": {"analytics": {"since": "2024"}}},
    {"consent": [False]},
    {"gcs": "G101"},
    {"gcs": "G1-1"},
    {"gcd": "13p3l3p3p1"},
    {"gcd": "denied"},
    {"privacy_info": {"analytics_storage": "Yes"}},
    {"about": '"consent": false, "opt_out": true'},
    {"survey": {"opt_out": True}},
]
BY_DEFAULT = Consent(CONSENT_CATEGORIES)


@pytest.mark.parametrize("told", REFUSALS, ids=json.dumps)
def test_a_refusal_is_understood_as_it_is_told(told: dict[str, Any]) -> None:
    assert BY_DEFAULT.is_refused(json.dumps(told))
    assert BY_DEFAULT.is_refused(json.dumps({"plan": "pro", **told}))


@pytest.mark.parametrize("told", ASSENTS, ids=json.dumps)
def test_what_is_no_refusal_is_none(told: dict[str, Any]) -> None:
    assert not BY_DEFAULT.is_refused(json.dumps(told))


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"consent": ', '"opt_out"'])
def test_what_is_no_object_refuses_nothing(text: str) -> None:
    assert not BY_DEFAULT.is_refused(text)


def test_a_home_says_which_categories_speak_of_analytics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_ndjson(
        tmp_path / "a.ndjson", [event(1, context=SEGMENTS), event(2, consent={"ad_user_data": "denied"})]
    )
    assert one(file, tmp_path / "usual").opted_out == 1
    monkeypatch.setenv("FOOTFALL_CONSENT_CATEGORIES", "ad_user_data")
    assert one(file, tmp_path / "other").opted_out == 1
    assert landed(tmp_path / "usual", "event_id") == [("e2",)] and landed(tmp_path / "other", "event_id") == [("e1",)]
    monkeypatch.setenv("FOOTFALL_CONSENT_CATEGORIES", "analytics,,")
    with pytest.raises(IllegalSetting, match="FOOTFALL_CONSENT_CATEGORIES"):
        LoadSettings()  # type: ignore[call-arg]


ROWS = [
    event(1, opt_out=True),
    event(2, properties={"consent": {"analytics": "denied"}, "secret": "what nobody may keep"}),
    event(3, context=SEGMENTS),
    event(4, opt_out=True, occurred_at="never", secret="what nobody may keep"),
    event(5, opt_out=False),
    event(6, properties={"consent": {"advertising": False}}),
]


def test_a_file_without_them_lands_as_if_they_had_not_been_in_it(tmp_path: Path) -> None:
    home, without = tmp_path / "home", tmp_path / "without"
    receipt = one(write_ndjson(tmp_path / "all.ndjson", ROWS), home)
    assert (receipt.received, receipt.accepted, receipt.quarantined, receipt.opted_out) == (2, 2, 0, 4)
    one(write_ndjson(tmp_path / "others.ndjson", ROWS[4:]), without)
    assert landed(home, "* exclude (received_at)") == landed(without, "* exclude (received_at)")
    clean = one(write_ndjson(tmp_path / "clean.ndjson", [ROWS[0], *ROWS[4:]]), tmp_path / "clean")
    assert (clean.accepted, clean.opted_out) == (2, 1)
    broken = one(write_ndjson(tmp_path / "broken.ndjson", [*ROWS, event(7, occurred_at="never")]), tmp_path / "broken")
    assert (broken.accepted, broken.quarantined, broken.opted_out) == (2, 1, 4)
    assert [row[1] for row in quarantined(tmp_path / "broken", broken)] == ["invalid_occurred_at"]


HIDING = {
    "a number beyond a double": '"opt_out": true, "n": 1e999',
    "a number beyond a double beside it": '"consent": {"analytics": false, "n": 1e999}',
    "what is no number": '"properties": {"opt_out": true, "n": NaN}',
    "nesting": '"opt_out": true, "n": ' + "[" * 1100 + "]" * 1100,
    "a fault of the row": '"opt_out": true, "properties": 5',
}


@pytest.mark.parametrize("more", HIDING)
def test_nothing_else_in_a_row_hides_a_refusal(more: str, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(f"{json.dumps(event(1))[:-1]}, {HIDING[more]}}}\n")
    receipt = one(tmp_path / "a.ndjson", tmp_path / "home")
    assert (receipt.accepted, receipt.quarantined, receipt.opted_out) == (0, 0, 1)


def test_a_row_of_a_table_that_is_refused_for_another_reason_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "event_name,occurred_at,user_id,context,opt_out\nseen,2024-05-06T07:08:09Z,u,{cut short,true\n"
    )
    receipt = one(tmp_path / "a.csv", tmp_path / "home")
    assert (receipt.accepted, receipt.quarantined, receipt.opted_out) == (0, 0, 1)


def test_every_format_and_a_mapping_heed_it(tmp_path: Path) -> None:
    rows = [{**event(n), "opt_out": told, "consent": consent} for n, (told, consent) in enumerate(
        [("true", ""), ("", "denied"), ("false", ""), ("", "granted"), ("", '{"analytics": false}')])]  # fmt: skip
    with (tmp_path / "a.csv").open("w", newline="") as file:
        written = csv.DictWriter(file, rows[0])
        written.writeheader()
        written.writerows(rows)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_csv('{tmp_path}/a.csv', all_varchar = true)) to '{tmp_path}/a.parquet' (format parquet)"
        )
    (tmp_path / "map.yml").write_text(
        "source: {format: csv}\nevents:\n  - event_name: {constant: seen}\n    occurred_at: occurred_at\n"
        "    user_id: user_id\n    properties: {opt_out: opt_out, consent: consent}\n"
    )
    for name, mapping in (("a.csv", None), ("a.parquet", None), ("a.csv", str(tmp_path / "map.yml"))):
        home = tmp_path / f"home_{name}_{bool(mapping)}"
        receipt = one(tmp_path / name, home, mapping=mapping)
        assert (receipt.accepted, receipt.opted_out, receipt.quarantined) == (2, 3, 0), (name, mapping)
        assert landed(home, "user_id") == [("u2",), ("u3",)]


def test_a_row_of_googles_export_says_it_itself(tmp_path: Path) -> None:
    def row(said: str) -> dict[str, Any]:
        told = {"event_name": "page_view", "event_timestamp": 1_714_979_289_000_000, "user_pseudo_id": said}
        return {**told, "event_params": [], "privacy_info": {"analytics_storage": said}}

    receipt = one(write_ndjson(tmp_path / "a.ndjson", [row("Yes"), row("No")]), tmp_path / "home", format="ga4")
    assert (receipt.accepted, receipt.opted_out) == (1, 1)
    assert landed(tmp_path / "home", "anonymous_id, context_other") == [("Yes", None)]


def test_who_opted_out_is_not_stored_on_any_device_until_they_opt_in(tmp_path: Path) -> None:
    home = tmp_path / "home"
    rows = [
        event(1, app="shop", user_id="ann", anonymous_id="phone"),
        event(2, app="shop", user_id=None, anonymous_id="phone"),
        event(3, app="shop", user_id="bob", anonymous_id="phone"),
        event(4, app="blog", user_id="ann"),
        event(5, app="shop", user_id="ann", occurred_at="never"),
    ]
    choose(home, {Id(USER, "ann", "shop")}, opts_out=True)
    choose(home, {Id(DEVICE, "phone", "shop")}, opts_out=True)
    file = write_ndjson(tmp_path / "a.ndjson", rows)
    receipt = one(file, home)
    assert (receipt.accepted, receipt.opted_out, receipt.suppressed, receipt.quarantined) == (1, 4, 0, 0)
    assert "ann" not in (home / "privacy" / "opted_out.ndjson").read_text()
    choose(home, {Id(DEVICE, "phone", "shop")}, opts_out=False)
    assert one(file, home).opted_out == 2
    assert landed(home, "event_id") == [("e2",), ("e3",), ("e4",)]
    choose(home, {Id(USER, "ann", "blog")}, opts_out=False)
    assert len(Suppression(home, OPTED_OUT).entries) == 1, "another app's opt-in is none here"


def test_an_address_is_known_however_an_app_stores_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, address = tmp_path / "home", "ann@mail.example"
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", "email=keep,shop:email=hash")
    choose(home, as_stored(cleaner(home), [address], []), opts_out=True)
    rows = [event(n, app=app, user_id=address) for n, app in enumerate(("shop", "blog"))]
    file = write_ndjson(tmp_path / "a.ndjson", rows)
    assert (one(file, home).opted_out, landed(home, "user_id")) == (2, [])
    monkeypatch.delenv("FOOTFALL_PRIVACY_POLICIES")
    assert one(file, home).opted_out == 2


def test_who_asks_a_list_for_months_remembers_so_many_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(tmp_path, {Id(USER, "ann")}, opts_out=True)
    digested, digest, long = Counter[str](), Key.digest, "x" * (LONGEST_KNOWN + 1)

    def counted(key: Key, text: str) -> bytes:
        digested[text.removeprefix(f"{USER}\0")] += 1
        return digest(key, text)

    monkeypatch.setattr(Key, "digest", counted)
    monkeypatch.setattr(distinct, "MOST_KNOWN", 3)
    asked, others = Suppression(tmp_path, OPTED_OUT), [*map(str, range(10))]
    for said in ("ann", "ann", *others, long, long, "ann"):
        assert asked.holds_id(Id(USER, said, "shop")) == (said == "ann")
    assert digested == {**dict.fromkeys(others, 1), "ann": 2, long: 2}, "three are known, and none that is long"
    choose(tmp_path, {Id(USER, "ann")}, opts_out=False)
    asked.refresh()
    assert not asked.holds_id(Id(USER, "ann", "shop"))


def test_a_list_is_the_same_however_often_it_is_written_anew_and_whenever_a_kill_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "LEAST_FOLDED_BYTES", 500)
    rng, wanted, kills = random.Random(1), set[Id](), 0
    changes, unlink = tmp_path / "privacy" / "opted_out.ndjson", Path.unlink

    def killed(path: Path, **options: Any) -> None:
        nonlocal kills
        if path == changes and rng.random() < 0.5:
            kills += 1
            raise KeyboardInterrupt
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", killed)
    for _ in range(60):
        ids = {Id(USER, str(rng.randrange(12)), rng.choice(["shop", "blog"])) for _ in range(2)}
        opts_out = rng.random() < 0.6
        with suppress(KeyboardInterrupt):
            choose(tmp_path, ids, opts_out)
        wanted = wanted | ids if opts_out else wanted - ids
        if changes.exists() and rng.random() < 0.3:  # killed while a change was written
            with changes.open("a") as file:
                file.write('\n["+", "0123')
        listed = Suppression(tmp_path, OPTED_OUT)
        assert listed.entries == {listed.entry(each) for each in wanted}
    assert kills and (tmp_path / "privacy" / "opted_out.json").exists()


def test_an_opt_in_lets_nobody_in_again_who_was_erased(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Suppression(home).add({Id(USER, "ann")})
    choose(home, {Id(USER, "ann", "default")}, opts_out=False)
    receipt = one(write_ndjson(tmp_path / "a.ndjson", [event(1, user_id="ann")]), home)
    assert (receipt.suppressed, receipt.opted_out) == (1, 0)


def test_a_client_of_a_home_keeps_the_choice_there(tmp_path: Path) -> None:
    from footfall import Analytics

    home = tmp_path / "home"
    with Analytics(home=home, app="shop") as client:
        assert client.opt_out("ann")
        assert not client.track("seen", user_id="ann")
    with Analytics(home=home, app="shop") as another:
        assert another.track("seen", user_id="ann") and another.track("seen", user_id="bob") and another.flush()
    (receipt,) = land_leftovers(home)
    assert (receipt.accepted, receipt.opted_out) == (1, 1)
    with Analytics(home=home, app="shop") as client:
        assert client.opt_in("ann") and client.track("seen", user_id="ann") and client.flush()
    land_leftovers(home)
    assert landed(home, "user_id") == [("ann",), ("bob",)]
    assert sum(batch.opted_out for batch in batches(home)) == 1


def test_a_file_of_nothing_but_refusals_is_a_batch_that_says_so(tmp_path: Path) -> None:
    (receipt,) = ingest.load([write_ndjson(tmp_path / "a.ndjson", [event(1, opt_out=True)])], tmp_path / "home")
    assert (receipt.received, receipt.path, receipt.opted_out) == (0, None, 1)
