"""In which order tests run: a file stays on one worker, which builds its homes once; the longest file begins."""

import gc
import os
import tempfile

import hypothesis
import pytest
from dbt_common.tests import enable_test_caching

# dbt's own macros are the same in every project that tests parse
enable_test_caching()
# the keys of the homes that tests make
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="footfall-keys-")
# a change is not to fail on a draw that it has nothing to do with: only `make property` draws anew each time
hypothesis.settings.register_profile("same each time", deadline=None, derandomize=True)
hypothesis.settings.register_profile("drawn anew", deadline=None, derandomize=False, print_blob=True)
IS_LONG = "FOOTFALL_PROPERTY_HISTORIES" in os.environ
hypothesis.settings.load_profile("drawn anew" if IS_LONG else "same each time")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file, so that no worker waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_zero_drift.py")


def pytest_collection_finish() -> None:
    """Let Python not look for garbage among what is imported and collected, again and again."""
    gc.collect()
    gc.freeze()
