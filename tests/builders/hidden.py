"""Running datascan as if libraries were not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def hiding(folder: Path, *modules: str) -> dict[str, str]:
    """An environment in which Python, and every process that it starts, cannot import modules.

    ``folder``: a new folder for what hides them.
    """
    folder.mkdir()
    for module in modules:
        path = folder / f"{module.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"raise ModuleNotFoundError('it is hidden', name='{module}')\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


def scan_in(environment: dict[str, str], *arguments: str | Path) -> dict[str, Any]:
    """The JSON report of ``datascan scan`` with ``arguments``."""
    command = [sys.executable, "-m", "datascan", "scan", *map(str, arguments)]
    ended = subprocess.run(
        [*command, "-qq", "--json", "/dev/stdout"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    assert ended.stderr == ""
    return json.loads(ended.stdout)
