"""Ctrl-C ends native work long before the work would end by itself, and leaves nothing running."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

ENDS_WITHIN_S = 60  # each case below would take minutes

TASKS = """
import os, threading
import numpy as np
from hashcore import hamming

def tasks():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
"""

PREPARE = """

random = np.random.default_rng(0)
database, queries = (random.integers(0, 256, (rows, 128), np.uint8) for rows in (1_000_000, 100_000))
threads = {threads}

def work():
    {work}

print("ready", flush=True)
"""

IN_MAIN = """
try:
    work()
except KeyboardInterrupt:
    print("interrupted", tasks(), flush=True)
"""

IN_A_THREAD = """
worker = threading.Thread(target=work, daemon=True)
worker.start()
try:
    worker.join()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

CASES = {
    "range_search": "hamming.range_search(database, queries, 400, threads=threads)",
    "knn_search": "hamming.knn_search(database, queries, 10, threads=threads)",
    "distance_histogram": "hamming.distance_histogram(database, queries[:20_000], 1024, threads=threads)",
}


def interrupted(program):
    """Return what a process says that is sent SIGINT while it works, and its exit code."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.3)
        child.send_signal(signal.SIGINT)
        try:
            said, _ = child.communicate(timeout=ENDS_WITHIN_S)
        finally:
            child.kill()
    return said, child.returncode


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_a_search_stops_at_ctrl_c_and_its_threads_with_it(name, threads):
    said, code = interrupted(TASKS + PREPARE.format(threads=threads, work=CASES[name]) + IN_MAIN)
    before, after = said.split()
    assert (before, code) == ("interrupted", 0)
    alone = subprocess.run([sys.executable, "-c", TASKS + "print(tasks())"], stdout=subprocess.PIPE, check=True)
    assert int(after) == int(alone.stdout)


def test_a_search_outside_the_main_thread_leaves_ctrl_c_to_the_main_thread():
    said, code = interrupted(TASKS + PREPARE.format(threads=2, work=CASES["knn_search"]) + IN_A_THREAD)
    assert (said, code) == ("interrupted\n", 0)


def test_what_a_signals_handler_raises_comes_out_of_the_search():
    handler = """
import signal

def stop(*_):
    raise TimeoutError("no time left")

signal.signal(signal.SIGINT, stop)
"""
    ending = IN_MAIN.replace("KeyboardInterrupt", "TimeoutError")
    said, code = interrupted(handler + TASKS + PREPARE.format(threads=2, work=CASES["range_search"]) + ending)
    assert (said.split()[0], code) == ("interrupted", 0)
