"""Builds the extension modules; everything else is in pyproject.toml.

``DATASCAN_NATIVE`` in the environment says what happens without a C compiler, or if it fails:

- ``try`` (the default): a warning; the loops in Python are used, which give the same results
- ``require``: an error, for wheels
- ``skip``: nothing is compiled, for a wheel that any system can install
"""

import os
import sysconfig

from setuptools import Extension, setup

HEADERS = ("arguments", "crc32c", "rows", "rows_x86")
NATIVE = os.environ.get("DATASCAN_NATIVE", "try")
if NATIVE not in {"try", "require", "skip"}:
    raise SystemExit(f"DATASCAN_NATIVE must be try, require or skip, not {NATIVE!r}")

# The limited API excludes them, and the modules were never run without the lock.
is_free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
if is_free_threaded and NATIVE == "require":
    raise SystemExit("datascan has no extension modules for free-threaded builds of Python")

names = ("kernels", "records", "epoch", "tables", "leaves", "pictures")
if is_free_threaded or NATIVE == "skip":
    names = ()

setup(
    ext_modules=[
        Extension(
            f"datascan.native.{name}",
            [f"src/datascan/native/{name}.c"],
            depends=[f"src/datascan/native/{header}.h" for header in HEADERS],
            # No fused multiply-add, so that sums do not depend on the processor.
            extra_compile_args=["-O3", "-ffp-contract=off"],
            # arguments.h defines Py_LIMITED_API: one build serves Python 3.11 and all later ones.
            py_limited_api=True,
            optional=NATIVE == "try",
        )
        for name in names
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if names else {},
)
