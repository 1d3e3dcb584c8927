"""The compiled inner loops; everything else stands in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            f"datascan.native.{name}",
            [f"src/datascan/native/{name}.c"],
            # Sums must not depend on the processor: no fused multiply-add.
            extra_compile_args=["-O3", "-ffp-contract=off"],
            # Without a compiler the installation goes on: the same is done without them, slower.
            optional=True,
        )
        for name in ("kernels", "epoch", "tables")
    ]
)
