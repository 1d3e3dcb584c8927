"""Names for records, classes, files and layers that attack the program that shows them.

Every output and every message is tested with all of them: ``tests/outputs/test_hostile_text.py``
puts them into reports, ``tests/damage/test_hostile_names.py`` into datasets.
"""

from __future__ import annotations

HOSTILE_STRINGS = {
    # Terminals: colours, cursor, title, clipboard (OSC 52), links (OSC 8), 8-bit forms of the same.
    "colour": "\x1b[31mred\x1b[0m",
    "erase": "\x1b[2J\x1b[H\x1b[1Aclean",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "link": "\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\",
    "eight bits": "\x9b31m\x9d0;owned\x9c\x90q\x9c",
    "answer back": "\x05\x1b[c\x1b[6n\x1bP+q544e\x1b\\",
    "over": "PASS\rFAIL\x08\x08\x08\x08PASS\x7f",
    "controls": "".join(map(chr, range(1, 32))) + "".join(map(chr, range(127, 160))),
    "null": "a\0b",
    "lines": "a\r\nb\nc\rd\x0be\x0cf\x85g\u2028h\u2029i",
    # Text that is shown in another order, or not at all.
    "reversed": "cod\u202egpj.exe",
    "isolates": "\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u200e\u200f\u061c",
    "hebrew": "\u05d0\u05d1 123 (\u05d2) <b>",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u180eh",
    "ignorable": "a\u034fb\u115fc\u1160d\u3164e\uffa0f\ufe0fg\U000e0100h\u17b4i",
    "spaces": "a\u00a0b\u2003c\u3000d\u1680e",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "hidden") + "\U000e0001\U000e007f",
    "marks": "a" + "\u0301\u20dd\u0338" * 400,
    "leading mark": "\u0338\u20e0first",
    "private": "\ue000\U000f0000\U0010fffd",
    "not characters": "\ufffe\uffff\ufdd0\U0001fffe\U0010ffff",
    "surrogates": "a\ud800b\udfffc",
    "bytes": "caf\udce9 \udcff\udc80",
    # Commands of services that run jobs.
    "stop": "::stop-commands::token",
    "stop after a break": "x\n::stop-commands::token\r::add-mask::a",
    "stop after a space": "word  ::stop-commands::token \t::set-output name=a::b",
    "stop after nothing": "\u200b\ufeff\u034f\u00a0\u3000::stop-commands::token",
    "stop at a wrap": "word " * 12 + "::stop-commands::token " * 6,
    "annotation": "::error title=forged,file=a,line=1::forged",
    "debug": "::debug::x ::group::y ::endgroup:: ::echo::on ::add-path::/tmp",
    "old command": "##[stop-commands]token ###[error]x ##[add-mask]e ##[set-env name=A]b",
    "old command inside": "a##[error]b##[Warning]c##vso[task.setvariable variable=a]b",
    "teamcity": "##teamcity[buildStatus status='SUCCESS' text='|n|[']",
    "percent": "%0A::error::x%0D%25%3A%2C%",
    "properties": "a=b,c:d;e]f",
    # Markup and scripts.
    "script": "</script><script>alert(1)</script>",
    "picture": '"><img src=x onerror=alert(1)>',
    "single quotes": "' onmouseover='alert(1)",
    "comment": "--><!--<script>-->",
    "character data": "]]>&amp;<![CDATA[<!ENTITY x SYSTEM 'file:///etc/passwd'>]]>",
    "entity": "&#0;&lt;&x;&nbsp",
    "address": "javascript:alert(1)",
    "data address": "data:text/html,<script>alert(1)</script>",
    "template": "{{7*7}}{% raw %}${7*7}#{7*7}",
    "markdown": "[click](javascript:alert(1)) ![](https://example.org/x) <https://example.org>",
    "placeholders": "{0} {1} {{2}} {name} {0.__class__}",
    "percent formats": "%s %d %n %(name)s %%",
    # Spreadsheets, TOML, INI, YAML, JSON, shells.
    "formula": "=cmd|' /C calc'!A0",
    "formula at": "@SUM(1+1)*cmd",
    "toml": 'a"]\n[section]\nkey = """x"""\'\'\' # \\u0041 \\',
    "toml table": "]]\n[[accepted]]\nrule = 'x'",
    "dotted": "a." * 40 + "b",
    "quoted dots": '"a".' * 40 + '"b"',
    "bracket": "[a]",
    "comment sign": "# not a comment",
    "yaml": "key: !!python/object/apply:os.system ['true']\n- *a\n--- |",
    "json": '","rule":"x"},{"a":"\\u0000\\ud800\\',
    "shell": "$(reboot) `reboot`; reboot & | > /dev/null",
    "backslashes": "\\x1b[31m \\u202e \\n \\",
    "dash": "--json=/dev/null",
    "path": "../../../../etc/passwd",
    "empty": "",
    "space": " ",
    "dots": "..",
    "long": "x" * 100_000,
    "long word list": "y z " * 5_000,
}
"""By a name for the test's report."""


def as_bytes(text: str, *, most: int = 1 << 20, without: bytes = b"") -> bytes:
    """Text as a dataset stores it, of at most ``most`` bytes, some of which cannot be in it.

    Surrogates become the bytes that they represent, or three bytes that are not UTF-8.
    """
    try:
        stored = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        stored = text.encode("utf-8", "surrogatepass")
    return stored.translate(None, without)[:most]
