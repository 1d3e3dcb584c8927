"""The compiled inner loops; everything else stands in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "datascan.native.kernels",
            ["src/datascan/native/kernels.c"],
            # Sums must not depend on the processor: no fused multiply-add.
            extra_compile_args=["-O3", "-ffp-contract=off"],
            # Without a compiler the installation goes on: NumPy computes the same, slower.
            optional=True,
        )
    ]
)
