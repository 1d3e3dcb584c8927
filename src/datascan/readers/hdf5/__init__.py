"""HDF5: which files, which of their datasets, and how to read rows of them fast."""
