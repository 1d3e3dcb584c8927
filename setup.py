"""Builds the extension modules; everything else is in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            f"datascan.native.{name}",
            [f"src/datascan/native/{name}.c"],
            depends=["src/datascan/native/arguments.h"],
            # No fused multiply-add, so that sums do not depend on the processor.
            extra_compile_args=["-O3", "-ffp-contract=off"],
            # Without a compiler, installation succeeds and the NumPy loops are used instead.
            optional=True,
        )
        for name in ("kernels", "epoch", "tables")
    ]
)
