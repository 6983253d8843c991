# Ray with torch for GPUs, for RayJobs that train; it runs on machines without a GPU too. Costs nothing by itself.
#   make wheel
#   docker build --file conf/docker/ray-gpu.Dockerfile --tag hashcore-ray:0.1.0 .
# (needs docker and its registry)
FROM rayproject/ray:2.60.0-py311-gpu

USER root
COPY conf/constraints.txt /opt/hashcore/
COPY dist/hashcore-*.whl /opt/hashcore/wheels/
RUN python -m pip install --no-cache-dir -c /opt/hashcore/constraints.txt \
    "$(ls /opt/hashcore/wheels/hashcore-*.whl)[train]"
COPY conf /opt/hashcore/conf

USER ray
WORKDIR /opt/hashcore
