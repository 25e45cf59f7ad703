"""What is acknowledged is on disk: whatever happens to the process, it lands once."""

import asyncio
import os
import random
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from ingest.collector.landing import LandingFailed, land_leftovers, land_received
from ingest.collector.spool import Spool, SpoolIsBusy, SpoolIsTaken, sealed_files, spool_dir
from ingest.collector.state import waiting
from tests.ingest.collector.conftest import Server, serving
from tests.ingest.events import batches, landed

FAST = {"FOOTFALL_BATCH_SIZE": "5", "FOOTFALL_FLUSH_INTERVAL_SECONDS": "0.3"}


def send_until_refused(server: Server, name: str, acknowledged: list[str]) -> None:
    number = 0
    with httpx.Client() as client:
        while True:
            ids = [f"{name}-{number + each}" for each in range(3)]
            number += 3
            messages = [{"type": "track", "event": "x", "messageId": each, "userId": name} for each in ids]
            try:
                answer = client.post(f"{server.url}/v1/batch", json={"batch": messages})
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                acknowledged.extend(ids)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(seed: int, tmp_path: Path) -> None:
    home, acknowledged = tmp_path / "home", list[str]()
    with serving(home, **FAST) as server:
        senders = [
            threading.Thread(target=send_until_refused, args=(server, f"{seed}s{n}", acknowledged)) for n in range(4)
        ]
        for sender in senders:
            sender.start()
        time.sleep(random.Random(seed).uniform(0.8, 2.5))
        server.stop(signal.SIGKILL)
        for sender in senders:
            sender.join()
    assert acknowledged
    assert sum(batch.received for batch in batches(home)) + waiting(home).events >= len(acknowledged)
    if seed == 1:  # whatever comes first lands what was left: a server, or a build
        land_leftovers(home)
    else:
        with serving(home, **FAST) as again:
            again.stop(signal.SIGINT)
    ids = [each for (each,) in landed(home, "event_id")]
    assert len(ids) == len(set(ids))
    assert set(acknowledged) <= set(ids)
    assert sealed_files(home) == []


def line(number: int) -> bytes:
    told = (
        f'{{"holds":1,"receipt_id":"r{number}","received_at":"2025-03-01T00:00:00Z","app":"a","body":{{"type":"track"'
    )
    return f'{told},"event":"x","messageId":"m{number}"}}}}\n'.encode()


def spool_some(home: Path, numbers: range, close: bool) -> None:
    async def run() -> None:
        spool = Spool(home, 2**20)
        spool.start()
        await asyncio.gather(*(spool.append("segment", line(number), 1) for number in numbers))
        if close:
            await spool.close()

    asyncio.run(run())


def test_a_kill_between_landing_and_removing_repeats_nothing(tmp_path: Path) -> None:
    spool_some(tmp_path, range(3), close=True)
    ((_, sealed),) = sealed_files(tmp_path)
    kept = sealed.read_bytes()
    land_received(tmp_path)
    sealed.write_bytes(kept)
    land_received(tmp_path)
    assert landed(tmp_path, "event_id") == [("m0",), ("m1",), ("m2",)]
    assert [(batch.accepted, batch.duplicate) for batch in batches(tmp_path)] == [(3, 0), (0, 3)]


@pytest.mark.parametrize("torn", [b"", b'{"receipt_id":"r9","body":{"ty'])
def test_an_unfinished_line_was_never_acknowledged(torn: bytes, tmp_path: Path) -> None:
    folder = spool_dir(tmp_path) / "segment"
    folder.mkdir(parents=True)
    (folder / "20250301T000000_000000_abc.open").write_bytes(line(1) + line(2) + torn)
    (folder / "20250301T000000_000000_def.open").write_bytes(torn)
    spool_some(tmp_path, range(3, 4), close=True)
    land_received(tmp_path)
    assert landed(tmp_path, "event_id") == [("m1",), ("m2",), ("m3",)]
    assert sum(batch.quarantined for batch in batches(tmp_path)) == 0


def test_many_requests_share_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (syncs.append(1), real(descriptor))[1])
    spool_some(tmp_path, range(500), close=True)
    assert 1 <= len(syncs) <= 5
    ((_, sealed),) = sealed_files(tmp_path)
    assert sealed.read_bytes().count(b"\n") == 500


def test_a_full_disk_is_told_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = os.writev, [False]

    def writev(descriptor: int, lines: list[bytes]) -> int:
        if full[0]:
            os.write(descriptor, lines[0][: len(lines[0]) // 2])
            raise OSError(28, "No space left on device")
        return real(descriptor, lines)

    async def run() -> None:
        spool = Spool(tmp_path, 2**20)
        spool.start()
        await spool.append("segment", line(1), 1)
        full[0] = True
        with pytest.raises(OSError, match="No space"):
            await spool.append("segment", line(2), 1)
        full[0] = False
        await spool.append("segment", line(3), 1)
        await spool.close()

    monkeypatch.setattr(os, "writev", writev)
    asyncio.run(run())
    land_received(tmp_path)
    assert landed(tmp_path, "event_id") == [("m1",), ("m3",)]


def test_a_write_that_takes_a_part_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda descriptor, lines: real(descriptor, [b"".join(lines)[:150]]))
    spool_some(tmp_path, range(5), close=True)
    land_received(tmp_path)
    assert landed(tmp_path, "event_id") == [(f"m{number}",) for number in range(5)]


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    async def run() -> list[object]:
        spool = Spool(tmp_path, max_waiting_bytes=3 * len(line(1)))
        sends = [spool.append("segment", line(number), 1) for number in range(1, 6)]
        waiting = [asyncio.ensure_future(send) for send in sends]
        await asyncio.sleep(0)
        spool.start()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        await spool.close()
        return list(answers)

    answers = asyncio.run(run())
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [SpoolIsBusy] * 2


def test_one_collector_receives_for_a_home(tmp_path: Path) -> None:
    async def run() -> None:
        spool = Spool(tmp_path, 2**20)
        with pytest.raises(SpoolIsTaken, match="Another"):
            Spool(tmp_path, 2**20)
        await spool.close()

    asyncio.run(run())


def test_a_file_that_cannot_land_keeps_no_other_back(tmp_path: Path) -> None:
    spool_some(tmp_path, range(2), close=True)
    bad = spool_dir(tmp_path) / "segment" / "20200101T000000_000000_abc.ndjson"
    bad.write_bytes(b"PAR1")
    with pytest.raises(LandingFailed, match=bad.name):
        land_received(tmp_path)
    assert landed(tmp_path, "event_id") == [("m0",), ("m1",)]
    assert [path for _, path in sealed_files(tmp_path)] == [bad]
