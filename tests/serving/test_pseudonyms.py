"""Pseudonyms stand under every name that says whose id it is, and nothing else is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.pseudonyms import Pseudonyms

NAMES = ["userId", "$user_id", "previous_id", "creator_id", "content.author-id", "member ids", "alias", "DISTINCT_ID"]
OTHER_NAMES = ["plan", "content_id", "order_id", "user", "userIdea", "id", "session_id", "user_id\\", 'user_id"']


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Pseudonyms:
    with pytest.MonkeyPatch.context() as patch:
        file: Path = tmp_path_factory.mktemp("key") / "key"
        file.write_text("0123456789abcdef")
        patch.setenv("FOOTFALL_PRIVACY_KEY_FILE", str(file))
        return Pseudonyms(file.parent)


leaves = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["null", " u-1 ", 'a"b', "ü", "-1"])
names = st.sampled_from([*NAMES, *OTHER_NAMES]) | st.text(max_size=2)
objects = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=12)
)


@given(sent=objects, spaced=st.booleans(), ascii_only=st.booleans())
def test_a_sent_object_is_the_same_but_for_ids(
    hidden: Pseudonyms, sent: dict[str, object], spaced: bool, ascii_only: bool
) -> None:
    text = json.dumps(sent, ensure_ascii=ascii_only, separators=None if spaced else (",", ":"))

    def wanted(name: str, value: object) -> object:
        if isinstance(value, dict):
            return {key: wanted(key, each) for key, each in value.items()}
        if isinstance(value, list):
            is_of_values = not any(isinstance(each, dict | list | bool | type(None)) for each in value)
            return [wanted(name if is_of_values else "", each) for each in value]
        is_of_somebody = name in NAMES and not isinstance(value, bool) and value is not None
        is_nobody = hidden.of_a_value(str(value)) == str(value)
        return hidden.of_a_value(str(value)) if is_of_somebody and not is_nobody else value

    assert json.loads(hidden.in_object(text)) == wanted("", sent)


def test_what_stands_for_nobody_stays(hidden: Pseudonyms) -> None:
    text = '{"user_id": "NULL", "creator_id": "-1", "author_id": "", "reader_id": 1.50, "n": 1.50}'
    assert hidden.in_object(text) == text.replace('"reader_id": 1.50', f'"reader_id": "{hidden.of("1.50")}"')
