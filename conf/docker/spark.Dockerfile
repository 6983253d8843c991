# Spark for Kubernetes or YARN with the environment inside, so that no archive is needed: index, search and evaluate; with
# WITH=torch encode too. Costs nothing by itself.
#   make wheel
#   docker build --file conf/docker/spark.Dockerfile --build-arg WITH=torch --tag hashcore-spark:0.1.0 .
# (needs docker and its registry)
FROM apache/spark:4.0.1-scala2.13-java17-python3-ubuntu

ARG WITH=""
USER root
COPY conf/constraints.txt /opt/hashcore/
COPY dist/hashcore-*.whl /opt/hashcore/wheels/
COPY jobs /opt/hashcore/jobs

# Spark's image brings Python 3.10, and this project needs 3.11.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3.11 python3.11-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3.11 -m venv /opt/hashcore/environment \
    && /opt/hashcore/environment/bin/python -m pip install --no-cache-dir -c /opt/hashcore/constraints.txt \
       /opt/hashcore/wheels/hashcore-*.whl "pandas<3" pillow safetensors ${WITH}

ENV PYSPARK_PYTHON=/opt/hashcore/environment/bin/python \
    PYSPARK_DRIVER_PYTHON=/opt/hashcore/environment/bin/python
USER spark
WORKDIR /opt/hashcore
