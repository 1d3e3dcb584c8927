"""A reader of LMDB's file format that survives damaged files.

The LMDB library trusts its file: a missing page raises SIGBUS, a zeroed one aborts the process.
Here every page number, offset and length is checked against the file before it is used.
"""
