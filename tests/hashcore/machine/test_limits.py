"""What a process may use is what its container allows, not what the machine around it has."""

from __future__ import annotations

import os

import pytest

from hashcore.machine import limits

GIB = 1 << 30
WHOLE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Write files of control groups, and return what a process in them would see."""

    def write(own, files):
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "own").write_text(own)
        monkeypatch.setattr(limits, "CGROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(limits, "OWN", tmp_path / "own")
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        limits._quota.cache_clear()
        return limits.cores(), limits.memory_bytes.__wrapped__()

    yield write
    limits._quota.cache_clear()


def test_a_container_of_half_a_core_and_a_gibibyte_has_one_core_and_that(limited):
    files = {"memory.max": f"{GIB}\n", "cpu.max": "50000 100000\n"}
    assert limited("0::/\n", files) == (1, GIB)


def test_the_least_of_all_groups_around_counts(limited):
    files = {
        "memory.max": "max\n",
        "pods/memory.max": f"{GIB}\n",
        "pods/one/memory.max": f"{2 * GIB}\n",
        "pods/cpu.max": "max 100000\n",
        "pods/one/cpu.max": "250000 100000\n",
    }
    assert limited("0::/pods/one\n", files) == (3, GIB)


def test_limits_of_the_first_version_count_too(limited):
    files = {
        "memory/a/memory.limit_in_bytes": f"{GIB}\n",
        "cpu/a/cpu.cfs_quota_us": "200000\n",
        "cpu/a/cpu.cfs_period_us": "100000\n",
        "cpuset/a/memory.limit_in_bytes": "1\n",
    }
    assert limited("5:cpuset:/a\n4:memory:/a\n3:cpu,cpuacct:/b\n2:cpu:/a\n0::/\n", files) == (2, GIB)


@pytest.mark.parametrize("files", [{}, {"memory.max": "max", "cpu.max": "max 100000"}, {"memory.max": str(1 << 62)}])
def test_without_limits_it_is_the_machine(limited, files):
    assert limited("0::/\n", files) == (8, WHOLE)


def test_where_there_are_no_groups_it_is_the_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "OWN", tmp_path / "none")
    assert limits.memory_bytes.__wrapped__() == WHOLE
