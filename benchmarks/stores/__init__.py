"""Healthy HDF5 files, LMDBs and LevelDBs of others; ``scripts/bench stores FOLDER...``."""
