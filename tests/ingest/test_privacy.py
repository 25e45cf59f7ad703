"""What is personal goes no further than the door: by files and by requests, in every format, in quarantine too."""

import base64
import csv
import json
import re
import string
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ingest
from ingest.collector.landing import land_leftovers
from ingest.privacy import Cleaner, Policies, cleaning
from ingest.privacy.key import Key, KeyIsMissing, key_file
from ingest.privacy.names import kind_of
from ingest.privacy.scan import Finding, scan_landing
from ingest.privacy.texts import STEMS, is_card
from ingest.settings import IllegalSetting, LoadSettings
from tests.ingest.collector.conftest import serving
from tests.ingest.events import batches, event, landed, one, quarantined, write_ndjson

PERSONAL = re.split(
    r",\s+",
    """email, $email, billing_email, customerEmail, E-Mail, emailAddress, phone, userPhone, phone_number, mobileNumber,
    full_name, firstName, first-name, LNAME, username, birthday, dateOfBirth, billing_address, shippingAddress1,
    address, password, accessToken, push_token, api_key, ip, $ip, clientIp, ipAddress, card_number, cvv, iban, ssn,
    surveyComment, $survey_response_1, user_agent, userAgent, token""",
)
HARMLESS = re.split(
    r",\s+",
    """email_opened, utm_campaign, headphone, microphone, product_name, screen_name, zip, trip, description,
    subscription_id, iphone, is_first, file_name, hostname, order_id, tokens_used, station_address, country, score""",
)


@pytest.fixture
def cleaner(tmp_path: Path) -> Cleaner:
    return Cleaner(tmp_path / "home", Policies())


@pytest.mark.parametrize("name", PERSONAL)
def test_a_name_that_means_personal_data_is_known_however_it_is_written(name: str) -> None:
    assert kind_of(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_that_only_looks_alike_is_not(name: str) -> None:
    assert kind_of(name) is None


SENT = {
    "plan": "pro",
    "email": "ann@mail.example",
    "name": "Ann Noone",
    "user": {"firstName": "Ann", "contacts": [{"phone": "555 0100", "kind": "home"}]},
    "note": "write to ann@mail.example, call +49 30 1234567 or (555) 123-4567, pay by 4111 1111 1111 1111",
    "products": [{"name": "Shirt", "price": 3}],
    "emails": 3,
    "order_id": "4111111111111111",
    "sent": '{"email": "ann@mail.example", "n": 1}',
}
KEPT = {
    "plan": "pro",
    "user": {"contacts": [{"kind": "home"}]},
    "note": "write to [email], call [phone] or [phone], pay by [card]",
    "products": [{"name": "Shirt", "price": 3}],
    "emails": 3,
    "order_id": "4111111111111111",
    "sent": '{"n":1}',
}
URL = "https://shop.example/reset?token=abc&step=1&email=ann%40mail.example"


def told(number: int = 1, **fields: Any) -> dict[str, Any]:
    context = {"page_url": URL, "page_title": "Hello ann@mail.example", "ip": "203.0.113.9", "phone": "+4930123456"}
    return event(number, properties=SENT, context=context, **fields)


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {name: json.dumps(row[name]) for name in ("properties", "context")} for row in rows)
    return path


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in rows[0])
    lines = write_ndjson(path.with_suffix(".ndjson"), rows)
    duckdb.sql(f"from read_json('{lines}', columns = {{{columns}}})").write_parquet(str(path))
    return path


def lands_clean(home: Path) -> None:
    assert [batch.quarantined_by_reason for batch in batches(home)] == [{}]
    columns = "properties, page_url, page_title, ip, context_other"
    ((properties, page_url, title, ip, other),) = landed(home, columns)
    assert json.loads(properties) == KEPT
    assert (page_url, title, ip) == ("https://shop.example/reset?token=&step=1&email=", "Hello [email]", None)
    assert other is None


@pytest.mark.parametrize("write", [write_ndjson, as_csv, as_parquet])
def test_what_is_personal_does_not_land(write: Any, tmp_path: Path) -> None:
    suffix = {write_ndjson: "ndjson", as_csv: "csv", as_parquet: "parquet"}[write]
    one(write(tmp_path / f"events.{suffix}", [told()]), tmp_path / "home")
    lands_clean(tmp_path / "home")


PARAMETERS = re.split(r",\s+", "sig, Signature, auth, oauth_token, oauth_verifier, token, f%6eame, d%6Fb, ssn")


def test_what_a_parameter_of_a_page_hides_does_not_land_from_a_file(tmp_path: Path) -> None:
    """One in each row, so that none is found by another."""
    pages = [f"https://shop.example/?{name}=abc" for name in PARAMETERS]
    rows = [event(n, context={"page_url": page}) for n, page in enumerate(pages)]
    one(write_ndjson(tmp_path / "events.ndjson", rows), tmp_path / "home")
    assert sorted(landed(tmp_path / "home", "page_url")) == sorted((page.removesuffix("abc"),) for page in pages)


def test_what_is_personal_in_a_request_is_never_on_disk(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as server:
        body = json.dumps(told()).encode()
        asked = Request(f"{server.url}/api/v1/analytics/events", body, {"Content-Type": "application/json"})
        assert urlopen(asked).status == 200
        waiting = [path.read_bytes() for path in (home / "received").rglob("*.*") if path.is_file()]
        assert waiting and not any(b"ann@" in each or b"Noone" in each or b"token=abc" in each for each in waiting)
    land_leftovers(home)
    lands_clean(home)


def test_files_and_requests_make_the_same_event(tmp_path: Path) -> None:
    """Ids are made of what is left, and a file loaded again adds nothing."""
    sent = told()
    del sent["event_id"]
    file = write_ndjson(tmp_path / "events.ndjson", [sent])
    one(file, tmp_path / "home")
    assert one(file, tmp_path / "home").duplicate == 1
    ((event_id,),) = landed(tmp_path / "home", "event_id")
    cleaned = sent | {"properties": KEPT, "context": {"page_url": "https://shop.example/reset?token=&step=1&email=",
                                                     "page_title": "Hello [email]"}}  # fmt: skip
    one(write_ndjson(tmp_path / "clean.ndjson", [cleaned]), tmp_path / "other")
    assert landed(tmp_path / "other", "event_id") == [(event_id,)]


def test_quarantined_bytes_are_cleaned_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    bad = {
        "event_id": "2",
        "occurred_at": "ann@mail.example",
        "event_name": "x",
        "properties": {"email": "a@b.example"},
    }
    broken = '{"event_name": "x", "first_name": "Ann", "note": "of ann@mail.example"'
    receipt = one(write_ndjson(tmp_path / "f.ndjson", [bad, broken, told()]), home)
    rows = quarantined(home, receipt)
    assert [reason for _, reason, _ in rows] == ["invalid_occurred_at", "invalid_json"]
    assert json.loads(rows[0][2]) == bad | {"occurred_at": "[email]", "properties": {}}
    assert rows[1][2] == b'{"event_name": "x", "first_name":"", "note": "of [email]"'
    (tmp_path / "f.csv").write_text("event_id,event_name,occurred_at,email,plan\n1,,2025-01-01,ann@mail.example,pro\n")
    (row,) = quarantined(home, one(tmp_path / "f.csv", home))
    assert row[2] == b"1,,2025-01-01,,pro"
    (detail,) = {row.detail for row in ingest.quarantine.read(home, receipt.batch_id) if row.row_number == 1}
    assert detail and "ann@" not in detail


def nested(depth: int, inner: dict[str, Any]) -> str:
    return '{"deep":' * depth + json.dumps(inner) + "}" * depth


HIDDEN = {"first_name": "Ann", "password": ["hunter2"], "plan": "pro"}
UNREADABLE = {
    "a number beyond a double": '{"v":1e400,' + json.dumps(HIDDEN)[1:],
    "nested deeper than is written": nested(300, HIDDEN),
    "nested deeper than is followed": nested(900, HIDDEN),
    "an escaped name": '{"v":1e400,"p\\u0061ssword":{"a":["hunter2"]},"plan":"pro"}',
}


@pytest.mark.parametrize("properties", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_as_json_is_cleaned_by_the_names_of_its_members(properties: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    line = json.dumps(event(1))[:-1] + f', "properties": {properties}}}'
    broken = line.replace('"page_view"', '""')
    receipt = one(write_ndjson(tmp_path / "f.ndjson", [line, broken]), home)
    kept = [text for (text,) in landed(home, "properties")] + [raw.decode() for *_, raw in quarantined(home, receipt)]
    assert len(kept) == 2
    for text in kept:
        assert "hunter2" not in text and "Ann" not in text
        assert '"plan":"pro"' in text.replace(" ", "")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


IN_BASE64 = {
    "a text": "write to ann@mail.example",
    "beyond ascii": "Jörg: ann@mail.example",
    "json as it is": '{"email": "ann@mail.example"}',
    "a number beyond a double": encoded('{"email":"ann@mail.example","v":1e400}'),
    "nested too deeply": encoded(nested(300, {"email": "ann@mail.example"})),
}


@pytest.mark.parametrize("sent", IN_BASE64.values(), ids=IN_BASE64.keys())
def test_a_member_that_should_hold_base64_and_does_not_is_cleaned(sent: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    rows = [event(1, properties={"cx": sent}), {"event_name": "x", "ue_px": sent}]
    (tmp_path / "f.ndjson").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    receipt = one(tmp_path / "f.ndjson", home)
    ((properties,),) = landed(home, "properties")
    (refused,) = quarantined(home, receipt)
    for kept in (json.loads(properties)["cx"], json.loads(refused[2])["ue_px"]):
        assert "ann@" not in kept and b"ann@" not in base64.b64decode(kept.encode() + b"==", b"-_")


def test_a_request_that_cannot_be_looked_through_is_refused_and_one_without_base64_is_cleaned(tmp_path: Path) -> None:
    home = tmp_path / "home"
    row = json.dumps(event(1))[:-1]
    bodies = [f'{{"events": [{row}, "properties": {properties}}}]}}' for properties in UNREADABLE.values()]
    with serving(home) as server:
        for body in bodies:
            assert server.post("/api/v1/analytics/events", content=body.encode()).status_code == 400
        for sent in IN_BASE64.values():
            payload = {"e": "ue", "eid": "1", "aid": "a", "cx": sent, "ue_px": sent, "tv": "js"}
            sent_on = server.post("/com.snowplowanalytics.snowplow/tp2", json={"schema": "x", "data": [payload]})
            assert sent_on.status_code == 200
    stored = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(part in each for each in stored for part in (b"hunter2", b"ann@"))


def test_an_id_that_is_an_address_stays_one_person(tmp_path: Path) -> None:
    home = tmp_path / "home"
    rows = [
        event(1, user_id="Ann@mail.example", properties={"previous_id": "ann@mail.example"}),
        event(2, user_id="ann@mail.example"),
        event(3, user_id="bob@mail.example"),
    ]
    one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    ids = landed(home, "event_id, user_id, properties ->> '$.previous_id'")
    (_, ann, previous), (_, same, _), (_, bob, _) = sorted(ids, key=lambda row: str(row[0]))
    assert ann == previous == same != bob
    assert ann == f"hashed-{Key(home).hashed('ann@mail.example')}"


def test_policies_say_what_becomes_of_a_kind_or_a_field_by_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", "email=hash, shop:comment=keep, loyalty_number=drop, ip=keep")
    home = tmp_path / "home"
    properties = {"email": "a@b.example", "comment": "nice", "Loyalty-Number": "x1", "phone": "5550100"}
    rows = [
        event(n, app=app, properties=properties, context={"ip": "203.0.113.9"}) for n, app in enumerate(["shop", "x"])
    ]
    one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    hashed = f"hashed-{Key(home).hashed('a@b.example')}"
    found = {app: (json.loads(properties), ip) for app, properties, ip in landed(home, "app, properties, ip")}
    assert found == {
        "shop": ({"email": hashed, "comment": "nice"}, "203.0.113.9"),
        "x": ({"email": hashed}, "203.0.113.9"),
    }


def test_personal_data_land_where_they_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_ENABLE_PII_TRACKING", "true")
    one(write_ndjson(tmp_path / "f.ndjson", [told(user_id="ann@mail.example")]), tmp_path / "home")
    ((properties, page_url, ip, user),) = landed(tmp_path / "home", "properties, page_url, ip, user_id")
    assert (json.loads(properties), page_url, ip, user) == (SENT, URL, "203.0.113.9", "ann@mail.example")


@pytest.mark.parametrize("told", ["email=forget", "email", "=drop", "shop:=drop"])
def test_a_policy_that_is_none_is_refused(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", told)
    with pytest.raises(IllegalSetting, match="FOOTFALL_PRIVACY_POLICIES"):
        LoadSettings()  # type: ignore[call-arg]


def test_the_key_lies_apart_from_the_data_and_is_missed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    said = Key(home).hashed("ann")
    file = key_file(home)
    assert home not in file.parents and file.stat().st_mode & 0o777 == 0o600
    assert Key(home).hashed("ann") == said != Key(tmp_path / "other").hashed("ann")
    file.rename(file.with_suffix(".away"))
    with pytest.raises(KeyIsMissing, match="Put it back"):
        Key(home).hashed("ann")


def test_numbers_are_cards_by_issuer_length_and_check_digit() -> None:
    assert is_card("4111 1111 1111 1111") and is_card("378282246310005") and is_card("5555-5555-5555-4444")
    assert not is_card("4111 1111 1111 1112") and not is_card("1732000000000") and not is_card("2025010110300000")


def test_a_page_and_a_group_have_names(cleaner: Cleaner) -> None:
    for said in (
        {"type": "page", "name": "Home", "properties": {"name": "Home"}},
        {"type": "group", "traits": {"name": "Acme"}},
        {"name": "pageview", "url": "https://a.example/"},
        {"events": [{"name": "page_view", "params": {"name": "x"}}]},
        {"context": {"library": {"name": "a.js", "version": "1"}, "campaign": {"name": "spring"}}},
    ):
        body = json.dumps(said).encode()
        assert cleaner.received(body, "a") is body
    assert json.loads(cleaner.received(b'{"type": "identify", "traits": {"name": "Ann"}}', "a"))["traits"] == {}


def test_a_scan_says_what_is_where_and_never_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "f.ndjson", [told()]), home)
    assert scan_landing(home) == []
    monkeypatch.setenv("FOOTFALL_ENABLE_PII_TRACKING", "true")
    one(write_ndjson(tmp_path / "g.ndjson", [told(2), told(3)]), home)
    found = scan_landing(home)
    assert {("properties.email", "email"), ("properties.user.firstName", "name"), ("page_url", "token"), ("ip", "ip"),
            ("properties.note", "card")} <= {(each.column, each.kind) for each in found}  # fmt: skip
    assert Finding("landing", "properties.email", "email", 2) in found
    assert "ann" not in str(found).lower()
    assert len(batches(home)) == 2


OTHERS = re.split(
    r",\s+",
    """traits, properties, items, id, batch, context, library, campaign, app, os, name, Name, $name, _name, type, url,
    ue_px, eMAIl, pa\u017f\u017fword, order, or der, x"email, a\\name""",
)
WORDS = st.sampled_from([*PERSONAL, *HARMLESS, *OTHERS])
TEXTS = st.one_of(
    st.text(string.printable, max_size=12),
    st.sampled_from(
        re.split(
            r",,\s+",
            """a@b.example,, +49 30 1234567,, +49/30/1234567,, ?token=x,, ?SIG=x,, ?%65mail=x,, #a&sid=1,, page,, {,,
            4111111111111111,, \n4111 1111 1111 1111,, 212-555-0100,, (212) 555-0100,, eyJhbGciOi.eyJzdWIiOj.x,,
            hashed-0,, {",, sk_live_0123456789ab,, a%40b.example,, ","email":",, 1714979289000-4111""",
        )
    ),
)


def holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.dictionaries(WORDS, inner, max_size=4)
    packed = objects.map(lambda said: base64.urlsafe_b64encode(json.dumps(said).encode()).decode())
    return st.one_of(st.lists(inner, max_size=3), objects, objects.map(json.dumps), st.builds(dict, ue_px=packed))


VALUES = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(0, 10**12), TEXTS), holding, max_leaves=12)


@example({"country": {"ue_px": "eyIkZW1haWwiOiAie30ifQ=="}})
@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_the_quick_looks_miss_nothing_and_cleaning_again_changes_nothing(tmp_path_factory: Any, said: Any) -> None:
    cleaner = Cleaner(tmp_path_factory.getbasetemp(), Policies(), Counter())
    for text in (json.dumps(said), json.dumps(said, ensure_ascii=False, separators=(",", ":"))):
        now = cleaner._of(json.loads(text), "a", "properties", True, False, False)
        if now != json.loads(text):
            assert cleaner.is_suspect(text)
            assert duckdb.execute("select regexp_matches($1, $2)", [text, STEMS]).fetchone() == (True,)
        again = cleaner._of(now, "a", "properties", True, False, False)
        assert again == now


@pytest.mark.parametrize(
    "name",
    [
        "tierLevel",
        "TIER-LEVEL",
        "tier__level",
        "tier/level",
        "$tier: level",
        "tier\u2013level",
        "tier\nlevel",
        '"tier" level',
    ],
)
def test_a_field_with_a_policy_of_its_own_is_known_however_its_words_are_parted(name: str, tmp_path: Path) -> None:
    cleaner = Cleaner(tmp_path, Policies.read("tier_level=drop"))
    for text in (json.dumps({name: "gold"}), json.dumps({name: "gold"}, ensure_ascii=False)):
        assert duckdb.execute("select regexp_matches($1, $2)", [text, STEMS + cleaner.more]).fetchone() == (True,)
        assert (cleaner.json(text, "shop"), cleaner.received(text.encode(), "shop")) == ("{}", b"{}")


POLICIES = ("", "order=drop", "shop:order=hash,ip=drop,email=hash")


@example({"email": {"email": "{}"}, "user_agent": {"email": "{}"}}, "")
@given(
    st.dictionaries(WORDS, VALUES, max_size=5),
    st.sampled_from(POLICIES),
)
def test_however_a_request_is_looked_through_it_comes_out_the_same(
    tmp_path_factory: Any, said: Any, policies: str
) -> None:
    """The quick looks, and what they remember of bodies before, leave what a walk through all of it leaves."""
    quick, slow = cleaners(tmp_path_factory.getbasetemp(), policies)
    quick._waiting._dropped = ()
    for said_so in (said, {"batch": [said, said]}):
        plain, spaced = json.dumps(said_so, separators=(",", ":")), json.dumps(said_so, ensure_ascii=False, indent=1)
        spellings = (plain, spaced.replace(":", " :\n"), plain.replace("/", r"\/"), plain.replace("m", r"\u006d"))
        for text in filter(is_json, spellings):
            for app in ("shop", "a"):
                with pytest.MonkeyPatch.context() as patched:
                    patched.setattr(cleaning, "may_hold", lambda _: True)
                    patched.setattr(cleaning, "may_hold_shapes", lambda _: True)
                    patched.setattr(Cleaner, "is_suspect", lambda *_: True)
                    walked = json.loads(slow._waiting.messages(text.encode(), app))
                for _ in range(2):
                    assert json.loads(quick.received(text.encode(), app)) == walked


def test_what_another_thread_drops_meanwhile_disturbs_no_request(
    cleaner: Cleaner, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, body = cleaning._without, b'{"email": "ann@mail.example", "plan": "pro"}'

    def meanwhile(text: bytes, name: bytes) -> bytes:
        for number in range(cleaning.SPELLINGS):
            cleaner._waiting.messages(b'{"%d_email": "bob@mail.example"}' % number, "shop")
        return without(text, name)

    monkeypatch.setattr(cleaning, "_without", meanwhile)
    for _ in range(3):
        assert json.loads(cleaner.received(body, "shop")) == {"plan": "pro"}


@cache
def cleaners(home: Path, policies: str) -> tuple[Cleaner, Cleaner]:
    return Cleaner(home, Policies.read(policies)), Cleaner(home, Policies.read(policies))


def is_json(text: str) -> bool:
    try:
        return bool(json.loads(text) is not None)
    except ValueError:
        return False
