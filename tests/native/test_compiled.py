"""With a compiler, all loops are in C: otherwise most tests of them would be skipped unseen."""

from __future__ import annotations

import os
import shutil

import pytest

from datascan import native
from datascan.native import fallback, leaf_pages, picture_loops, record_loops, table_blocks

REFERENCES = (fallback, leaf_pages, picture_loops, record_loops, table_blocks)


@pytest.mark.skipif(bool(os.environ.get("DATASCAN_PLAIN")), reason="the loops in C are not wanted")
@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no compiler")
def test_all_modules_were_compiled():
    assert native.LANGUAGE == "c"


@pytest.mark.skipif(native.LANGUAGE != "c", reason="not compiled")
def test_every_loop_in_c_has_a_reference():
    builtin = type(len)
    loops = {name for name, one in vars(native.loops).items() if isinstance(one, builtin)}
    known = {name for module in REFERENCES for name in vars(module)}
    assert loops
    assert loops <= known
