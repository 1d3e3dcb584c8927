"""Caffe nets and solvers."""
