"""The fault matrix of the index: whatever fails, the old generation answers as before, and a rerun ends as if not.

After every fault: rows are neither lost nor doubled, and no orphan survives a vacuum.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import time

import fault_proxy
import numpy as np
import pytest
import s3_server
import small_index
from small_index import CHANGES, commit_until_done, content, has_no_orphans

import indexer
from hashcore.errors import HashcoreError, OutputError
from hashcore.storage.s3_client import new_client
from indexer.storage.directory import DirectoryStore
from indexer.storage.s3 import S3Store

STEPS = ("get", "put_new", "swap", "new_file", "add_file", "entries", "remove", "remove_unfinished", "_write", "_place")
SETTLED = {name: change for name, change in CHANGES.items() if name != "vacuum"}
OTHERS = [name for name in CHANGES if name != "append"]
FAULTS = ["500", "503", "timeout", "slow", "lost"]
fork = multiprocessing.get_context("fork")


def in_child(function, *arguments):
    """Run a function in a forked process and return its exit code; negative where a signal ended it."""
    child = fork.Process(target=function, args=arguments)
    child.start()
    child.join(120)
    assert child.exitcode is not None, "the child hangs"
    return child.exitcode


def killed_at(step, before, change, root):
    """Make a change, and die before or after its step of this number (all steps of the store are counted)."""
    seen = 0

    def counted(method):
        def call(*arguments, **keywords):
            nonlocal seen
            seen += 1
            mine = seen
            if mine == step and before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = method(*arguments, **keywords)
            if mine == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for store in (DirectoryStore, S3Store):
        for name in STEPS:
            if hasattr(store, name):
                setattr(store, name, counted(getattr(store, name)))
    CHANGES[change](root)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What each change ends with when nothing fails, and what was there before it."""
    ends = {}
    for name, change in CHANGES.items():
        root = str(tmp_path_factory.mktemp("undisturbed") / name)
        small_index.start(root)
        before = content(indexer.open(root))
        change(root)
        ends[name] = before, content(indexer.open(root))
    return ends


def recovers(root, name, undisturbed, generation=2):
    """Assert that either generation answers as it must, and that the rerun ends as the undisturbed change."""
    before, after = undisturbed[name]
    current = indexer.open(root)
    assert content(current) == (before if current.generation == generation else after)
    if name != "vacuum":
        assert content(indexer.open(root, generation)) == before
    CHANGES[name](root)
    assert content(indexer.open(root)) == after
    indexer.open(root).verify()
    has_no_orphans(root)
    assert content(indexer.open(root)) == after


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("name", ["append", *(pytest.param(n, marks=pytest.mark.faults) for n in OTHERS)])
def test_a_kill_at_any_step_of_a_change_loses_nothing(tmp_path, undisturbed, record_property, name, before):
    small_index.start(str(tmp_path / "start"))
    for step in range(1, 200):
        root = str(tmp_path / f"step-{step}")
        shutil.copytree(tmp_path / "start", root)
        if in_child(killed_at, step, before, name, root) == 0:
            break
        recovers(root, name, undisturbed)
        shutil.rmtree(root)
    record_property("kills", step - 1)
    assert step > 5


@pytest.mark.faults
@pytest.mark.parametrize("name", SETTLED)
def test_a_kill_at_any_time_of_a_change_loses_nothing(tmp_path, undisturbed, name):
    generator = np.random.default_rng(3)
    small_index.start(str(tmp_path / "start"))
    for attempt in range(15):
        root = str(tmp_path / f"attempt-{attempt}")
        shutil.copytree(tmp_path / "start", root)
        child = fork.Process(target=CHANGES[name], args=(root,))
        child.start()
        time.sleep(float(generator.uniform(0, 0.06)))
        child.kill()
        child.join()
        recovers(root, name, undisturbed)


@pytest.mark.faults
@pytest.mark.parametrize("name", SETTLED)
def test_a_kill_at_some_steps_of_a_change_in_s3_loses_nothing(bucket, undisturbed, name):
    for step in range(1, 100, 2):
        root = f"{bucket}/{name}-{step}"
        small_index.start(root)
        if in_child(killed_at, step, step % 4 == 1, name, root) == 0:
            break
        recovers(root, name, undisturbed)
    assert step > 4


@pytest.mark.faults
@pytest.mark.parametrize("faults", [*([fault] for fault in FAULTS), FAULTS], ids=[*FAULTS, "all"])
def test_a_storage_that_fails_a_tenth_of_its_calls_loses_nothing(bucket, undisturbed, monkeypatch, tmp_path, faults):
    monkeypatch.setenv("HASHCORE_CACHE", str(tmp_path / "cache"))
    met = 0
    with fault_proxy.running(os.environ["AWS_ENDPOINT_URL"], faults, 0.1) as proxy:
        fault_proxy.through(proxy, monkeypatch)
        for name, change in SETTLED.items():
            root = f"{bucket}/{name}"
            small_index.start(root)
            before, after = undisturbed[name]
            change(root)
            assert content(indexer.open(root)) == after
            assert content(indexer.open(root, 2)) == before
            has_no_orphans(root)
        met = sum(count for fault, count in proxy.met.items() if fault)
    assert met > 10


def test_a_storage_that_is_gone_is_said_and_leaves_the_old_generation(bucket, undisturbed, monkeypatch):
    root = f"{bucket}/index"
    small_index.start(root)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    with fault_proxy.running(os.environ["AWS_ENDPOINT_URL"], ["503"], 1.0) as proxy, monkeypatch.context() as gone:
        fault_proxy.through(proxy, gone)
        for change in SETTLED.values():
            with pytest.raises(HashcoreError, match=r"^s3://.*503|SlowDown|reached max retries"):
                change(root)
    assert content(indexer.open(root)) == undisturbed["append"][0]


@pytest.mark.parametrize("kind", ["directory", "s3"])
def test_of_eight_committers_at_once_every_row_arrives_once(request, tmp_path, kind):
    root = str(tmp_path / "index") if kind == "directory" else f"{request.getfixturevalue('bucket')}/index"
    start = content(small_index.start(root))[0]
    crew = [fork.Process(target=commit_until_done, args=(root, number)) for number in range(8)]
    for process in crew:
        process.start()
    for process in crew:
        process.join(300)
    assert [process.exitcode for process in crew] == [0] * 8
    index = indexer.open(root)
    rows = dict(content(index)[0])
    assert len(rows) == len(start) + 40 and len(index.shards) == 2 + 8
    assert content(indexer.open(root, 2))[0] == start
    index.verify()
    has_no_orphans(root)


def change_with_full_disk(name, root, limit):
    """Make a change where no file may be longer than some bytes; exit with 3 after one clear line."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        CHANGES[name](root)
    except OutputError as error:
        said = str(error)
        os._exit(3 if os.strerror(errno.EFBIG) in said and "make room" in said and "\n" not in said else 4)


@pytest.mark.parametrize("name", SETTLED)
@pytest.mark.parametrize("limit", [0, 100, 1_500])
def test_a_full_disk_is_said_in_one_line_and_loses_nothing(tmp_path, undisturbed, name, limit):
    root = str(tmp_path / "index")
    small_index.start(root)
    if (name, limit) != ("delete", 1_500):  # tombstones of three rows are shorter than that, manifests are not
        assert in_child(change_with_full_disk, name, root, limit) == 3
    recovers(root, name, undisturbed)


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_is_wrong_changes_nothing(tmp_path, undisturbed, monkeypatch, days):
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + days * 86_400)
    for name in SETTLED:
        root = str(tmp_path / name)
        small_index.start(root)
        ids, packed, labels = small_index.items_of(3, 7, 9_000)
        running = indexer.build_shard(root, ids, packed, labels, layout=indexer.open(root).manifest.layout)
        CHANGES[name](root)
        indexer.open(root).vacuum(keep=5)
        assert running.name in {entry.name for entry in DirectoryStore(tmp_path / name).entries("shards")}
        recovers(root, name, undisturbed)


def test_the_proxy_serves_what_the_storage_holds(bucket, monkeypatch):
    with fault_proxy.running(os.environ["AWS_ENDPOINT_URL"], []) as proxy:
        fault_proxy.through(proxy, monkeypatch)
        client = new_client()
        client.put_object(Bucket=bucket.removeprefix("s3://"), Key="a", Body=b"hello")
        assert client.get_object(Bucket=bucket.removeprefix("s3://"), Key="a")["Body"].read() == b"hello"
    assert s3_server.settings("x")["AWS_ENDPOINT_URL"] == "x"
