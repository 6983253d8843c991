"""Every shipped file of settings says what it is for, what it costs and how it is used, and is what it says it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from jobs.config.pipeline import load

HERE = Path(__file__).parents[2]
SPARK = sorted(HERE.glob("conf/spark/*.conf"))
RAY = sorted(HERE.glob("conf/ray/*.yaml"))
KUBERAY = sorted(HERE.glob("conf/kuberay/*.yaml"))
DOCKER = sorted(HERE.glob("conf/docker/*.Dockerfile"))
COMMAND = re.compile(r"^#   (spark-submit|hashcore|ray|aws|RAY_ADDRESS|sed|make|docker) ", re.MULTILINE)


def named(path):
    return path.relative_to(HERE).as_posix()


def opening(path):
    """Return the lines of comment that a file begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])


def settings(path):
    """Return the keys and values of a file of Spark properties."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split(maxsplit=1) for line in lines)


def pinned(name):
    return re.search(rf"^{name}==(\S+)", (HERE / "conf/constraints.txt").read_text(), re.MULTILINE).group(1)


def test_the_files_are_there():
    assert [path.stem for path in SPARK] == ["cluster", "emr-serverless", "local"]
    assert [path.stem for path in RAY] == ["cpu", "gpu", "local"]
    assert [path.stem for path in KUBERAY] == ["train-cpu", "train-gpu"]
    assert [path.stem for path in DOCKER] == ["ray-gpu", "spark"]


@pytest.mark.parametrize("path", [*SPARK, *RAY, *KUBERAY, *DOCKER], ids=named)
def test_a_file_opens_with_its_purpose_cost_and_command(path):
    text = opening(path)
    assert re.search(r"[Cc]osts|pays", text)
    assert COMMAND.search(text)
    if "local" not in path.name:
        assert "(needs " in text
    for name in re.findall(r"(?:conf|jobs)/[\w./-]+\.(?:yaml|conf|py|Dockerfile)", text):
        assert (HERE / name).exists(), name


@pytest.mark.parametrize("path", SPARK, ids=named)
def test_spark_settings_are_keys_and_values(path):
    found = settings(path)
    assert len(found) >= 5
    assert all(re.fullmatch(r"spark\.[A-Za-z0-9.-]+", key) and value.strip() for key, value in found.items())
    assert found["spark.sql.execution.arrow.pyspark.enabled"] == "true"


def test_a_task_has_all_cores_of_its_executor_where_shards_are_built():
    for path in (path for path in SPARK if path.stem != "local"):
        found = settings(path)
        assert found["spark.task.cpus"] == found["spark.executor.cores"]


def test_the_cluster_commits_to_s3_without_renaming():
    found = settings(HERE / "conf/spark/cluster.conf")
    assert found["spark.hadoop.fs.s3a.committer.name"] == "magic"
    assert "PathOutputCommitProtocol" in found["spark.sql.sources.commitProtocolClass"]


@pytest.mark.parametrize("path", RAY, ids=named)
def test_a_training_on_ray_loads_as_a_pipeline(path):
    pipeline = load(HERE / "conf/mnist.yaml", also=[path])
    assert not pipeline.train.in_process
    assert pipeline.train.gpu == (path.stem == "gpu")
    assert path.stem == "local" or pipeline.train.max_failures > 0


@pytest.mark.parametrize("path", KUBERAY, ids=named)
def test_a_ray_job_shuts_down_and_is_retried_and_bounded(path):
    job = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["backoffLimit"] >= 1 and spec["activeDeadlineSeconds"] > 0
    assert spec["rayClusterSpec"]["rayVersion"] == pinned("ray")
    train = load(
        *(HERE / name for name in re.findall(r"--config (\S+)", spec["entrypoint"])),
        also=[HERE / name for name in re.findall(r"--with (\S+)", spec["entrypoint"])],
    ).train
    workers = spec["rayClusterSpec"]["workerGroupSpecs"][0]
    assert train.workers >= workers["minReplicas"]
    (container,) = workers["template"]["spec"]["containers"]
    gpus = container["resources"]["limits"].get("nvidia.com/gpu")
    assert (gpus == "1") == train.gpu
    pods = [spec["rayClusterSpec"]["headGroupSpec"], workers]
    assert all(pod["template"]["spec"]["serviceAccountName"] == "train" for pod in pods)


@pytest.mark.parametrize("path", DOCKER, ids=named)
def test_an_image_is_built_from_a_pinned_one_and_from_the_wheel(path):
    text = path.read_text(encoding="utf-8")
    (base,) = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert re.search(r":\d+\.\d+\.\d+", base)
    assert "ray" not in base or f":{pinned('ray')}-" in base
    assert "dist/hashcore-*.whl" in text
    assert re.findall(r"^USER (\w+)", text, re.MULTILINE)[-1] != "root"
