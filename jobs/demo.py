"""Run the whole pipeline on images that scikit-learn brings, or on another configuration: `run` with a default."""

from __future__ import annotations

from jobs import cli
from jobs.run import run

__all__ = ["run"]

if __name__ == "__main__":
    cli.script("demo")
