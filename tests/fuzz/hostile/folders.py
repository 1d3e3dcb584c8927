"""Image folders and lists with links, pipes, circles and strange names."""

from __future__ import annotations

import contextlib
import os

from tests.fuzz.case import Place
from tests.fuzz.hostile.common import NAMES, healthy_image, put_special, scan_words
from tests.fuzz.hostile.images import slow_image


def strange_names(place: Place) -> list[str]:
    """Files and classes with names that terminals and formats interpret."""
    chance = place.chance
    for name in chance.sample(NAMES, k=6):
        folder = place.work / "d" / name
        folder.mkdir(parents=True)
        for i in range(3):
            extension = chance.choice(["jpg", "png", "JPG\n"])
            path = folder / f"{chance.choice(NAMES)[:200]}{i}.{extension}"
            path.write_bytes(healthy_image(chance) if chance.randrange(3) else b"")
    return scan_words(place, chance.choice(["images", "scan"]), "d")


def circles(place: Place) -> list[str]:
    """Folders that link to each other."""
    top = place.work / "d"
    for i in range(12):
        (top / f"{i:02}").mkdir(parents=True)
        (top / f"{i:02}" / "0.jpg").write_bytes(healthy_image(place.chance))
        for j in range(12):
            target = place.chance.choice(
                [f"../{j:02}", "..", ".", "/", str(place.outside)][: 3 + 2 * (i == 0)]
            )
            if target != "/":
                (top / f"{i:02}" / f"{j:02}").symlink_to(target)
    return scan_words(place, place.chance.choice(["images", "scan"]), "d")


def special_files(place: Place) -> list[str]:
    """Pipes, sockets, sparse files and links in place of images."""
    chance = place.chance
    for name in "ab":
        (place.work / "d" / name).mkdir(parents=True)
        (place.work / "d" / name / "0.jpg").write_bytes(healthy_image(chance))
        for i in range(1, 9):
            put_special(
                place.work / "d" / name / f"{i}.{chance.choice(['jpg', 'png', 'txt'])}", place
            )
    (place.work / "d" / "a" / "dark").mkdir(mode=0)
    return scan_words(place, chance.choice(["images", "scan"]), "d")


def same_file(place: Place) -> list[str]:
    """One large image under thousands of names."""
    folder = place.work / "d" / "a"
    folder.mkdir(parents=True)
    (folder / "0.png").write_bytes(slow_image())
    for i in range(1, 2000):
        if place.chance.randrange(2):
            os.link(folder / "0.png", folder / f"{i}.png")
        else:
            (folder / f"{i}.png").symlink_to("0.png")
    return scan_words(place, "images", "d")


def deep(place: Place) -> list[str]:
    """Folders nested deeper than Python recurses, up to the longest path."""
    folder, path = place.work / "d", ""
    with contextlib.suppress(OSError):
        for _ in range(1900):
            path += "/a"
            (folder / path[1:]).mkdir(parents=True)
        (folder / path[1:] / "0.jpg").write_bytes(healthy_image(place.chance))
    return scan_words(place, place.chance.choice(["images", "scan"]), "d")


def lists(place: Place) -> list[str]:
    """A list that names the same file often, files outside, pipes, or no files at all."""
    chance = place.chance
    (place.work / "d").mkdir()
    (place.work / "d" / "0.jpg").write_bytes(healthy_image(chance))
    put_special(place.work / "d" / "1.jpg", place)
    put_special(place.work / "list", place)
    names = ["0.jpg", "1.jpg", "/dev/zero", "../../outside/key", *NAMES, "x" * 100_000, "\0"]
    labels = [
        "0",
        "1",
        "-1",
        "9" * 400,
        "1e999",
        "nan",
        "0x7f",
        "1" * 100_000 + "a",
        "",
        "٣",
        "0 1 2",
    ]
    way = chance.randrange(4)
    if way:
        lines = [f"{chance.choice(names)} {chance.choice(labels)}" for _ in range(300)]
        lines += [f"0.jpg {chance.randrange(3)}"] * chance.choice([300, 110_000])
        if way == 1:
            lines = [f'"{line.replace(" ", chr(34) + "," + chr(34), 1)}"' for line in lines]
        content = "\n".join(lines).encode("utf-8", "surrogateescape")
        (place.work / "list.txt").write_bytes(content)
    name = chance.choice(["list.txt" if way else "list", str(place.outside / "lines")])
    return scan_words(place, "images", "d", "--list", name)


TRICKS = (strange_names, circles, special_files, same_file, deep, lists)
