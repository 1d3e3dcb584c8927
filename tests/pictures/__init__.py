"""Tests of looking at encoded images."""
