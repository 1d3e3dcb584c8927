# datascan as a container: docker build -t datascan .
#   docker run --rm -v "$PWD:/data:ro" datascan scan train_lmdb --num-classes 10
# The dataset may be mounted read-only; reports go to standard output (--json -) or to another mount.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[hdf5-filters]"

FROM python:3.12-slim
COPY --from=build /wheels/*.whl /wheels/
RUN pip install --no-cache-dir --no-index /wheels/*.whl && rm -r /wheels
USER nobody
WORKDIR /data
ENTRYPOINT ["datascan"]
CMD ["--help"]
