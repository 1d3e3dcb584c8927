"""The file format of LMDB: pages and trees, read without ever touching a page that is not there.

The library trusts its file: a missing page is a SIGBUS, a zeroed one an abort. Here every page
number, offset and length is compared with the file before it is used.
"""
