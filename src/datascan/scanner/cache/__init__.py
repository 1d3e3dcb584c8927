"""Results that are kept from one scan to the next, for each part of a dataset.

``cached_parts`` is what a scan uses: it finds the parts that have not changed, and keeps those
that were read. ``part_file`` is the format of the file, ``folder`` the files of all datasets, and
``moved`` makes results independent of the number of the shard.
"""
