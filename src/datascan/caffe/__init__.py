"""Caffe nets, solvers and what they say of the data that they are trained on."""
