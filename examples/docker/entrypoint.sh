#!/bin/sh
# Scans the dataset, then runs the command of the container, if the dataset passes.
set -eu
datascan scan "${DATASET:-train_lmdb}" --num-classes "${CLASSES:-10}" --json "${REPORTS:-/reports}/report.json"
exec "$@"
