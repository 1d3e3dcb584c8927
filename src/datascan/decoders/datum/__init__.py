"""Caffe's Datum message: a fast path for many records at once, and an exact path for any."""
