"""Tests of the rules about nets and solvers."""
