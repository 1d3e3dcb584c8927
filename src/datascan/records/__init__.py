"""Blocks of records and their columns, independent of the reader that produced them."""
