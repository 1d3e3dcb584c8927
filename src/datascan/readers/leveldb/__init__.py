"""LevelDB stores, read without the library: manifest, logs, tables, and their merged entries."""
