"""The folder of publications: which one readers see, which ones are kept, and how to go back.

One symbolic link, `published/current`, says which publication readers see; `marts.duckdb`, `catalog.json` and
`parquet` beside it lead through that link, so all three change in one atomic step.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# what outsiders read lies in `main` of marts.duckdb, what only views and our own readers need in `internal`
MAIN, INTERNAL = "main", "internal"
# how a publication is laid out: the next build replaces one of another layout. 1, which said none, had all in `main`
LAYOUT = 2
# how the file of marts is stored: older DuckDB clients read it
STORAGE_VERSION = "v1.2.0"
STABLE_NAMES = ("marts.duckdb", "catalog.json", "parquet")


class NothingPublishedError(Exception):
    """Nothing, or not the wanted publication, is published in this home."""


class HomeMovedError(Exception):
    """The home was moved, copied or mounted elsewhere since it was published."""


def nothing_published(home: Path) -> NothingPublishedError:
    """What a reader of a home raises in which nothing is published."""
    return NothingPublishedError(f"Nothing is published in {home}. Run `footfall build` first.")


def published_dir(home: Path) -> Path:
    """The folder that readers may see."""
    return home / "published"


def current_publication(home: Path) -> Path | None:
    """The folder of the publication that readers see now, or None."""
    try:
        return (published_dir(home) / "current").resolve(strict=True)
    except FileNotFoundError:
        return None


def current_id(home: Path) -> str | None:
    """The id of the publication that readers see now, or None; read off the link alone, as every request asks it."""
    try:
        return (published_dir(home) / "current").readlink().name
    except FileNotFoundError:
        return None


def refuse_moved_home(home: Path, publication: Path) -> None:
    """Raise HomeMovedError where a publication was made of a home that lay elsewhere, whose files its views name."""
    there, here = read_catalog(publication)["inputs"].get("published"), str(published_dir(home.resolve()))
    if there is not None and there != here:
        raise HomeMovedError(
            f"The home lies in {home.resolve()}, but was published in {Path(there).parent}, where its views look for "
            "files. Run `footfall build` here, which publishes it anew; or mount it where it was."
        )


def list_publications(home: Path) -> list[Path]:
    """The folders of the kept publications, newest first."""
    folder = published_dir(home) / "publications"
    return sorted((path for path in folder.glob("[0-9]*") if path.is_dir()), reverse=True) if folder.is_dir() else []


def read_catalog(publication: Path) -> dict[str, Any]:
    """A publication's catalog: its id, when it was built from what, and each relation's grain, columns and rows."""
    catalog: dict[str, Any] = json.loads((publication / "catalog.json").read_text())
    return catalog


def show(home: Path, publication: Path) -> None:
    """Make a publication the one that readers see, in one atomic step."""
    published = published_dir(home)
    for name in STABLE_NAMES:
        if not (published / name).is_symlink():
            _replace_link(published / name, f"current/{name}")
    # a writer that died on the published file leaves a log that would break every reader of the next one
    (published / "marts.duckdb.wal").unlink(missing_ok=True)
    _replace_link(published / "current", f"publications/{publication.name}")
    fsync(published)


def roll_back(home: Path, publication_id: str | None = None) -> Path:
    """Show an earlier publication again; the caller holds the build lock.

    Args:
        home: the folder of all state.
        publication_id: which one; by default the one before that which readers see now.

    Raises:
        NothingPublishedError: when there is no such publication.
    """
    kept, now = list_publications(home), current_publication(home)
    if publication_id is None:
        earlier = [path for path in kept if now and path.name < now.name]
        if not earlier:
            raise NothingPublishedError(
                f"No kept publication is earlier than {now.name if now else 'nothing'}. See `footfall publish --list`."
            )
        target = earlier[0]
    else:
        target = published_dir(home) / "publications" / publication_id
        if target not in kept:
            raise NothingPublishedError(f"Publication {publication_id} is not kept. See `footfall publish --list`.")
    show(home, target)
    return target


def prune(home: Path, keep: int) -> None:
    """Drop all but the newest `keep` publications and the one shown, then the day files that no kept one names."""
    published, now = published_dir(home), current_publication(home)
    for path in list_publications(home)[keep:]:
        if path != now:
            path.replace(path.with_name(f".old-{path.name}"))
    drop_unfinished(home)
    named = {
        f"{published}/{file['path']}"
        for publication in list_publications(home)
        for relation in read_catalog(publication)["relations"].values()
        for file in relation["files"]
    }
    for folder, folders, files in os.walk(published / "files", topdown=False):
        unnamed = [name for name in files if f"{folder}/{name}" not in named]
        for name in unnamed:
            Path(folder, name).unlink()
        if not folders and len(unnamed) == len(files):
            Path(folder).rmdir()


def drop_unfinished(home: Path) -> None:
    """Remove what a killed publication left half written."""
    for path in (published_dir(home) / "publications").glob(".*"):
        shutil.rmtree(path)


def fsync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_all(paths: Iterable[Path]) -> None:
    """`fsync` many paths at once, which a journalling file system settles together."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(fsync, paths))


def _replace_link(link: Path, target: str) -> None:
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
