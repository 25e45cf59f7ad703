"""Nothing that happens to a receiver reaches the application, and nothing is lost or doubled that need not be."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import footfall
from footfall import Analytics
from footfall.transports import retry_after
from tests.footfall.conftest import answering, received

ROOT = Path(footfall.__file__).parents[1]


def program(home: Path, code: str, *, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """A process of its own that has a client of a home."""
    text = f"import os, footfall\nclient = footfall.Analytics(home={str(home)!r}, flush_interval=60)\n{code}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment, timeout=120)
    assert run.returncode == expect, run.stderr
    return run


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_receiver_in_trouble_gets_the_same_events_again(status: int) -> None:
    with answering((status, {"Retry-After": "0"}), (status, {"Retry-After": "0"})) as (server, client):
        client.track("kept")
        assert client.flush(60)
        assert [batch[0]["event_id"] for batch in server.batches] == [server.kept[0]["event_id"]] * 3
        assert (client.stats.sent, client.stats.retries) == (1, 2)


@pytest.mark.parametrize("in_words", [False, True])
def test_a_receiver_is_left_alone_for_as_long_as_it_says(in_words: bool) -> None:
    told = formatdate(time.time() + 3, usegmt=True) if in_words else "2"
    with answering((503, {"Retry-After": told})) as (server, client):
        client.track("kept")
        assert client.flush(60)
        assert server.times[1] - server.times[0] >= (1 if in_words else 2)


def test_what_is_no_time_to_come_again_is_none() -> None:
    said = {"2": 2.0, " 0.5 ": 0.5, "Wed, 21 Oct 2015 07:28:00 GMT": 0.0, "Wed, 21 Oct 2015 07:28:00 -0000": 0.0}
    assert {told: retry_after(told) for told in said} == said
    assert [retry_after(told) for told in (None, "", "soon", "-5", "nan", "1e9", "\u0662")] == [None] * 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 301])
def test_what_is_refused_for_good_is_counted_and_what_follows_goes_on(status: int) -> None:
    with answering((status, {"Location": "http://127.0.0.1:1/"})) as (server, client):
        client.track("refused")
        assert client.flush(60)
        client.track("kept")
        assert client.flush(60)
        assert server.names == ["kept"] and (client.stats.rejected, client.stats.sent) == (1, 1)


def test_a_batch_that_is_too_large_is_halved_until_one_event_is_too_large() -> None:
    def only_small(handler: BaseHTTPRequestHandler) -> None:
        batch = server.batches[-1]
        large = len(batch) > 2 or any(event["event_name"] == "giant" for event in batch)
        if large:
            server.script.insert(0, only_small)
        else:
            server.kept += batch
            server.script.insert(0, only_small)
        handler.send_response(413 if large else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with answering(flush_interval=0.5) as (server, client):
        server.script.append(only_small)
        for number in range(11):
            client.track("giant" if number == 5 else f"small {number}")
        assert client.flush(60)
        assert server.names == [f"small {number}" for number in range(11) if number != 5]
        assert (client.stats.sent, client.stats.rejected, client.stats.waiting) == (10, 1, 0)


def test_a_server_that_is_down_costs_the_caller_nothing_and_gets_all_when_it_is_back() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        client = Analytics(f"http://127.0.0.1:{port}", flush_interval=0.01, max_waiting=500)
        for number in range(800):
            client.track(f"event {number}")
        assert not client.flush(0.2)
        stats = client.stats
        assert (stats.tracked, stats.dropped, stats.waiting, stats.sent) == (800, 300, 500, 0)
    with answering() as (server, _):
        # the same client, whose server has come back at another port
        client._sender._transport._port = server.server.server_port  # type: ignore[attr-defined]
        assert client.flush(60)
        assert server.names == [f"event {number}" for number in range(500)]
        client.close()


def test_a_server_that_hangs_or_breaks_off_is_asked_again() -> None:
    released = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        released.wait(60)

    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    def talk_nonsense(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"what?\r\n\r\n")
        handler.close_connection = True

    with answering(hang, break_off, talk_nonsense, timeout=0.3) as (server, client):
        client.track("kept")
        assert client.flush(60)
        released.set()
        assert len({batch[0]["event_id"] for batch in server.batches}) == 1 and len(server.batches) == 4
        assert server.names == ["kept"]


def test_a_kept_connection_that_the_server_closed_is_no_failure() -> None:
    def answer_and_close(handler: BaseHTTPRequestHandler) -> None:
        server.kept += server.batches[-1]
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        handler.close_connection = True  # without a word of it

    with answering() as (server, client):
        server.script += [answer_and_close, answer_and_close]
        for name in "abc":
            client.track(name)
            assert client.flush(60)
        assert server.names == ["a", "b", "c"] and client.stats.retries == 0


def test_a_storm_of_threads_loses_nothing(home: Path) -> None:
    client = Analytics(home=home, flush_interval=0.01, max_waiting=100_000)

    def storm(thread: int) -> None:
        for number in range(300):
            client.track(f"{thread}/{number}", user_id=thread)

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(32)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert client.flush(120)
    names = [event["event_name"] for event in received(home)]
    assert sorted(names) == sorted(f"{thread}/{number}" for thread in range(32) for number in range(300))
    # those of one thread keep their order
    assert [name for name in names if name.startswith("7/")] == [f"7/{number}" for number in range(300)]
    client.close()


def test_a_program_that_ends_without_flushing_has_told_all(home: Path) -> None:
    program(home, "[client.track(f'event {n}') for n in range(250)]")
    assert len({event["event_name"] for event in received(home)}) == 250


def test_what_is_told_at_the_very_end_of_a_program_is_told(home: Path) -> None:
    program(home, "import atexit\nclient.track('before')\natexit.register(client.track, 'at exit')")
    program(home, "import atexit\natexit.register(client.track, 'first of all at exit')")
    program(home, "client.track('raised'); raise SystemExit(3)", expect=3)
    assert sorted(event["event_name"] for event in received(home)) == [
        "at exit", "before", "first of all at exit", "raised",
    ]  # fmt: skip


def test_a_program_ends_although_its_server_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code = f"""
import footfall
client = footfall.Analytics("http://127.0.0.1:{silent.getsockname()[1]}", exit_timeout=0.5, flush_interval=0.01)
for n in range(250):
    client.track("lost")
"""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert run.returncode == 0 and "250 events had not been sent" in run.stderr


def test_a_forked_child_sends_its_own_events_and_none_of_its_parents(home: Path) -> None:
    program(
        home,
        """
import multiprocessing, sys
for n in range(50):
    client.track(f"parent {n}")
child = os.fork()
if child == 0:
    assert client.stats.tracked == 0
    client.track("child of fork")
    assert client.flush(30)
    os._exit(0)
os.waitpid(child, 0)

def work(n):
    client.track(f"worker {n}")

context = multiprocessing.get_context("fork")
workers = [context.Process(target=work, args=(n,)) for n in range(3)]
for each in workers: each.start()
for each in workers: each.join()
client.track("parent at last")
""",
    )
    names = Counter(event["event_name"] for event in received(home))
    wanted = [
        *(f"parent {n}" for n in range(50)),
        "child of fork",
        *(f"worker {n}" for n in range(3)),
        "parent at last",
    ]
    assert names == Counter(wanted)


def test_a_fork_in_the_midst_of_a_storm_leaves_both_able_to_tell(home: Path) -> None:
    program(
        home,
        """
import threading
stop = threading.Event()
def storm():
    while not stop.is_set():
        client.track("parent")
threads = [threading.Thread(target=storm) for _ in range(4)]
for each in threads: each.start()
for n in range(10):
    child = os.fork()
    if child == 0:
        client.track(f"child {n}")
        os._exit(0 if client.flush(30) else 1)
    assert os.waitpid(child, 0)[1] == 0, n
stop.set()
for each in threads: each.join()
""",
    )
    names = Counter(event["event_name"] for event in received(home))
    assert all(names[f"child {n}"] == 1 for n in range(10))


def test_a_killed_program_leaves_nothing_half_written(home: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", f"""
import footfall
client = footfall.Analytics(home={str(home)!r}, flush_interval=0.001)
n = 0
while True:
    client.track(f"event {{n}}"); n += 1
    client.flush()
    print(n, flush=True)
"""],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
    )  # fmt: skip
    assert run.stdout
    acknowledged = 0
    for line in run.stdout:
        acknowledged = int(line)
        if acknowledged == 30:
            run.send_signal(signal.SIGKILL)
            break
    run.wait(30)
    names = {event["event_name"] for event in received(home)}
    assert {f"event {number}" for number in range(acknowledged)} <= names


def test_a_home_whose_disk_fails_is_tried_again(home: Path) -> None:
    home.mkdir()
    (home / "received").write_text("in the way")
    client = Analytics(home=home, flush_interval=0.01)
    client.track("kept")
    assert not client.flush(0.3)
    (home / "received").unlink()
    assert client.flush(60)
    assert [event["event_name"] for event in received(home)] == ["kept"] and client.stats.retries >= 1
    client.close()


def test_a_closed_client_takes_nothing_more(home: Path) -> None:
    client = Analytics(home=home)
    client.track("kept")
    assert client.close(30)
    assert not client.track("too late")
    assert (client.stats.sent, client.stats.dropped) == (1, 1)
    assert client.close(30)
