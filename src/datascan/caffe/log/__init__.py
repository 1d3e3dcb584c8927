"""Caffe training logs."""
