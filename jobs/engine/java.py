"""The Java that Spark would start: whether there is one, and whether it is new enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from hashcore.errors import MissingExtraError

MIN_JAVA = 17


def java_version() -> int | None:
    """Return the major version of the Java that Spark would start, or None where there is none."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if not java or not os.path.exists(java):
        return None
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(found.group(1)) if found else None


def check_java() -> None:
    """Raise MissingExtraError, with what to install, unless Java is new enough for Spark."""
    version = java_version()
    if version is None or version < MIN_JAVA:
        home = os.environ.get("JAVA_HOME")
        where = f" in JAVA_HOME={home}" if home else ""
        found = f"Java is not found{where}" if version is None else f"Java {version} is too old{where}"
        raise MissingExtraError(
            f"{found}; Spark needs Java {MIN_JAVA} or newer: install it (Debian, Ubuntu: apt install "
            f"openjdk-{MIN_JAVA}-jre-headless; macOS: brew install openjdk@{MIN_JAVA}), set JAVA_HOME, or run in this "
            "process by --set engine=process"
        )
