"""In which order tests run: a file stays on one worker, which builds its homes once; the longest file begins."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file, so that no worker waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_zero_drift.py")
