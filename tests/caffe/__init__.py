"""Tests of nets, solvers and their rules."""
