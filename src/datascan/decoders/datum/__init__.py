"""Caffe's Datum message: a fast path over many records at once, and an exact one over any."""
