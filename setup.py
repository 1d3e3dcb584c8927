"""Builds the extension modules; everything else is in pyproject.toml."""

import os

from setuptools import Extension, setup


def project_urls():
    """The links in the metadata: the repository that builds the package, as its workflow says."""
    home = os.environ.get("DATASCAN_PROJECT_URL", "").rstrip("/")
    if not home:
        return {}
    return {
        "Source": home,
        "Documentation": f"{home}/tree/main/docs",
        "Changelog": f"{home}/blob/main/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }


setup(
    project_urls=project_urls(),
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
    ],
)
