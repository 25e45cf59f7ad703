"""How tests are shared out: by file, because a file builds its homes once; what builds one a test goes alone."""

import pytest

ALONE = {"test_zero_drift.py", "test_demo.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, and begin with the longest, so that no worker waits for another at the end."""
    for item in items:
        if item.path.name not in ALONE:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: item.path.name not in ALONE)
