"""Nets, solvers, logs, configurations, baselines and expectations that are long, deep or false."""

from __future__ import annotations

import random

from tests.builders.images import photo
from tests.fuzz.case import Place
from tests.fuzz.hostile.common import NAMES, number, put_special, scan_words

SOURCES = ("list.txt", "s", "/dev/zero", "/etc/passwd", "../outside/lines", "../outside/key", "d")


def layer(chance: random.Random, place: Place) -> str:
    """A layer with any fields."""
    source = chance.choice([*SOURCES, str(place.outside / "lines")])
    kind, parameter = chance.choice(
        [
            ("Data", "data_param"),
            ("ImageData", "image_data_param"),
            ("HDF5Data", "hdf5_data_param"),
            ("WindowData", "window_data_param"),
            ("InfogainLoss", "infogain_loss_param"),
            ("Convolution", "convolution_param"),
        ]
    )
    more = f"batch_size: {chance.choice([4, 4, 4, number(chance)])}"
    if kind == "Convolution":
        more = f"num_output: {number(chance)} kernel_size: {number(chance)} stride: 0"
    root = chance.choice(["", 'root_folder: "/"', f'root_folder: "{place.outside}/"'])
    name = (
        chance.choice(NAMES).encode("unicode_escape", "surrogateescape").decode().replace('"', "")
    )
    text = f'layer {{ name: "{name}" type: "{kind}" top: "a" top: "b" bottom: "a" '
    return (
        text
        + f'{parameter} {{ source: "{source}" {more} {root if kind == "ImageData" else ""} }} }}\n'
    )


def net(place: Place) -> list[str]:
    """A net that names files outside, or a text that takes long to parse."""
    chance = place.chance
    put_special(place.work / "s", place)
    (place.work / "d").mkdir()
    (place.work / "d" / "0.jpg").write_bytes(photo(1))
    (place.work / "list.txt").write_text("d/0.jpg 0\n../outside/key 1\n" * chance.choice([1, 3000]))
    text = chance.choice(
        [
            lambda: "".join(layer(chance, place) for _ in range(chance.choice([1, 5]))),
            lambda: "layer { " * chance.choice([60, 20_000]),
            lambda: "x" * 100_000 + ": 1",
            lambda: "".join(f"f{i}: {i}\n" for i in range(65_000)),
            lambda: "".join(f"f{i}: {i} " for i in range(15_000)),
            lambda: 'layer { name: "a" type: "ReLU" bottom: "a" top: "a" }\n' * 20_000,
            lambda: 'name: "' + "\\" * 50_000,
            lambda: "input_dim: " + "9" * 50_000,
            lambda: "\0" * 1000 + "\u202e{",
            lambda: "# " * 100_000,
        ]
    )()
    (place.work / "n.prototxt").write_text(text)
    target = chance.choice(["n.prototxt", "n.prototxt", *SOURCES[1:6]])
    (place.work / "solver.prototxt").write_text(
        f'net: "{target}"\nbase_lr: 1e999\nmax_iter: {number(chance)}\n'
    )
    return scan_words(place, "net", chance.choice(["n.prototxt", "n.prototxt", "solver.prototxt"]))


def log(place: Place) -> list[str]:
    """A log with lines that regular expressions retry, and numbers of all sizes."""
    chance = place.chance
    losses = ["nan", "1e999", "-inf", "1" * 400]
    parts = [
        "Iteration 1 (" * 20_000,
        f"Iteration {number(chance)}, loss = {chance.choice(losses)}\n",
        "I1128 12:00:00.000000 1 solver.cpp:228] Iteration 7, loss = 1\n"
        * chance.choice([1, 90_000]),
        "1" * 200_000 + "a\n",
        "    Train net output #0: loss = " + "1" * 100_000 + "\n",
        f"Solving net\nInitializing net from parameters: \n{'layer { ' * 9000}\n",
        "iteration,loss\n" + f"{number(chance)},{number(chance)}\n" * 50,
        chance.choice(NAMES).encode("utf-8", "replace").decode() * 300 + "\n",
        "[ 0%] " * 30_000 + "\r" * 30_000,
        "Restoring previous solver status from ../outside/key\nOpening file ../outside/lines\n",
    ]
    text = "".join(chance.choices(parts, k=chance.choice([1, 6])))
    healthy = "".join(f"Iteration {i}, loss = {2 - i / 9}\n" for i in range(5))
    (place.work / "train.log").write_text(text if chance.randrange(4) == 0 else healthy + text)
    words = scan_words(place, "log", "train.log")
    if chance.randrange(3) == 0:
        (place.work / "n.prototxt").write_text(layer(chance, place))
        words += ["--net", "n.prototxt"]
    return words


def toml(chance: random.Random, place: Place) -> str:
    """A configuration, baseline or expectations, or what looks like one."""
    line = chance.choice(
        [
            lambda: "a." * chance.choice([30, 300_000]) + "b = 1\n",
            lambda: f'list = "{chance.choice(SOURCES)}"\nexpect = "{chance.choice(SOURCES)}"\n',
            lambda: f'resume = "{place.outside}/victim"\nhtml = "{place.outside}/victim"\n',
            lambda: "workers = 100000\nmax_pixels = 9999999999999\ntimeout = 1e9\n",
            lambda: f"max_pixels = {number(chance)}\n",
            lambda: "x = " + "[" * chance.choice([90, 100_000]) + "\n",
            lambda: "x = " + "{a=" * 5000 + "\n",
            lambda: '[dataset."' + "**/" * chance.choice([3, 3000]) + '"]\n',
            lambda: '[dataset."' + "*/" * chance.choice([3, 9]) + '"]\n',
            lambda: '[dataset."**/' + "*a" * chance.choice([3, 3000]) + 'b"]\n',
            lambda: (
                '[dataset."/dev/*"]\n'
                if chance.randrange(50) == 0
                else '[dataset."../outside/*"]\n'
            ),
            lambda: "".join(f"[[finding]]\nrule = '{i}'\n" for i in range(9000)),
            lambda: "[labels]\n" + "".join(f"{i} = {i}\n" for i in range(90_000)),
            lambda: "x = 1" + "0" * 100_000 + "\n",
            lambda: "version = 99\n[records]\nmin = 1e999\n",
            lambda: "[values]\n" + "\n".join(f'"{"x" * 100}{i}" = nan' for i in range(2000)) + "\n",
        ]
    )
    return line() + (line() if chance.randrange(5) == 0 else "")


def configuration(place: Place) -> list[str]:
    """A ``datascan.toml`` in the working directory, and folders that link to each other."""
    chance = place.chance
    for i in range(8):
        (place.work / f"{i}").mkdir()
        (place.work / f"{i}" / "0.jpg").write_bytes(photo(i))
        for j in range(8):
            (place.work / f"{i}" / f"{j}").symlink_to(chance.choice([f"../{j}", "..", "."]))
    put_special(place.work / "s", place)
    (place.work / "datascan.toml").write_text(toml(chance, place))
    if chance.randrange(2):
        return ["check", "--json", str(place.out / "json"), "--no-progress"]
    return scan_words(place, chance.choice(["images", "scan"]), "0")


def baseline(place: Place) -> list[str]:
    """False expectations, and a false baseline."""
    chance = place.chance
    (place.work / "d").mkdir()
    (place.work / "d" / "0.jpg").write_bytes(photo(1))
    (place.work / "b.toml").write_text(toml(chance, place))
    put_special(place.work / "s", place)
    option = chance.choice(["--baseline", "--expect", "--config"])
    return scan_words(place, "images", "d", option, chance.choice(["b.toml", "b.toml", "s"]))


TRICKS = (net, log, configuration, baseline)
