"""TOML files: what cannot be read, is not TOML, or has another form."""

from __future__ import annotations

import time
import tomllib

import msgspec
import pytest

from datascan.config.file import read
from datascan.config.toml import has_long_key, load_toml, read_toml
from datascan.errors import UsageError
from datascan.files import MAX_CONFIG_BYTES


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    count: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    records: Inner | None = None
    tables: tuple[Inner, ...] = ()


def test_a_file_becomes_a_struct(tmp_path):
    file = tmp_path / "file.toml"
    file.write_text("\ufeffrecords = {count = 3}\n[[tables]]\ncount = 4\n", "utf-8")
    assert read_toml(file, Outer, "outer file") == Outer(Inner(3), (Inner(4),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"x", "file.toml is not valid TOML: "),
        (b"x = 1\nx = 2\n", "file.toml is not valid TOML: Cannot overwrite a value"),
        (b"x = \xff", "file.toml is not valid TOML: "),
        (b"x = " + b"[" * 5000, "file.toml is not valid TOML: "),
        (b"x = " + b"9" * 5000, "file.toml is not valid TOML: "),
        (b"recrods = {}", "file.toml: unknown key recrods; did you mean records?"),
        (b"records = {cuont = 3}", "unknown key cuont in `.records`; did you mean count?"),
        (b"zzz = 3", "unknown key zzz$"),
        (b"records = {count = true}", "expected `int`, got `bool`"),
    ],
)
def test_content_that_is_refused(tmp_path, text, message):
    file = tmp_path / "file.toml"
    file.write_bytes(text)
    with pytest.raises(UsageError, match=message):
        read_toml(file, Outer, "outer file")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the outer file .*file\.toml: No such file"):
        read_toml(tmp_path / "file.toml", Outer, "outer file")
    with pytest.raises(UsageError, match=r"cannot read .*: Is a directory"):
        load_toml(tmp_path)


SETTINGS = [
    ("limit = 0", "limit must be a whole number of at least 1, below 2^63, not 0"),
    ("limit = true", "limit must be a whole number of at least 1, below 2^63, not True"),
    ("limit = 99999999999999999999", "not 99999999999999999999"),
    ("limit = 0x" + "f" * 5000, "not a number of 20,000 bits"),
    ("timeout = -5", "timeout must be a number above 0, at most 1,000,000,000, not -5"),
    ("timeout = nan", "not nan"),
    ("timeout = inf", "not inf"),
    ('timeout = ""', "not ''"),
    ("batch-size = []", "batch-size must be one or more whole numbers of at least 1"),
    ("batch_sizes = [32, -1]", "not [32, -1]"),
    ('batch_sizes = ["32"]', "not ['32']"),
    ('label_type = "klass"', "label_type must be one of auto, class, regression, none"),
    ('db = ""', "db must be a non-empty string, not ''"),
    ("expect = 3", "expect must be the name of a file, not 3"),
    ('baseline = ""', "baseline must be the name of a file, not ''"),
    ('list = ["a"]', "list must be the name of a file, not ['a']"),
    ("select = 3", "select must be a list of rules, not 3"),
    ('ignore = ["nan-valeu"]', "ignore: no such rule: nan-valeu; did you mean nan-value?"),
    ('severity = {"nan-value" = 3}', "severity must be a level (error, warning or info) for each"),
    ("severity = 2020-01-01", "severity must be a level"),
    ('backend = "lmbd"', "backend must be one of lmdb, leveldb, hdf5, images, not 'lmbd'"),
    ("backend = 3", "not 3"),
    ('resume = "file"', "resume can only be given on the command line, as --resume"),
    ("num_clases = 3", "unknown key num_clases; did you mean num_classes?"),
    ("num-clases = 3", "unknown key num-clases; did you mean num_classes?"),
    ("datasets = 3", "unknown key datasets; did you mean dataset?"),
    ("jobs = 3", "unknown key jobs; did you mean workers?"),
    ("num_classes = 3\nnum-classes = 4", "num-classes: num_classes is set twice"),
    ("batch_size = 3\nbatch_sizes = 4", "batch_sizes: batch_size is set twice"),
]


@pytest.mark.parametrize(("text", "message"), SETTINGS)
@pytest.mark.parametrize("table", ["", '[dataset."data/*"]\n'])
def test_settings_that_are_refused(tmp_path, text, message, table):
    file = tmp_path / "datascan.toml"
    file.write_text(table + text + "\n")
    with pytest.raises(UsageError) as caught:
        read(file)
    place = "dataset.'data/*'." if table else ""
    said = str(caught.value).replace(place, "")
    if table and "datasets" in text:
        message = "unknown key datasets"
    assert said.startswith(f"{file}: ")
    assert message in said
    assert place in str(caught.value)
    assert "\n" not in said


@pytest.mark.parametrize("key", ["zzz", "shard_bytes", "targets", "charts", "pictures"])
def test_far_keys_get_no_suggestion(tmp_path, key):
    file = tmp_path / "datascan.toml"
    file.write_text(f"{key} = 3\n")
    with pytest.raises(UsageError) as caught:
        read(file)
    assert str(caught.value) == f"{file}: unknown key {key}"


def test_keys_may_have_underscores_or_dashes_and_names_of_flags_or_python(tmp_path):
    file = tmp_path / "datascan.toml"
    file.write_text(
        'num-classes = 3\nbatch_size = 4\ndata = "x"\nlabel_key = "y"\nlist = "l.txt"\n'
    )
    assert read(file).defaults == {
        "num_classes": 3,
        "batch_sizes": 4,
        "data_key": "x",
        "label_key": "y",
        "list_file": tmp_path / "l.txt",
    }


LONG = ".".join("a" * 33)
QUOTED = ".".join(["'a'", '"\\""'] * 17)


@pytest.mark.parametrize(
    "text",
    [
        *("{key} = 1", "x = {{ {key} = 1 }}", "[{key}]", "[[{key}]]", '["" . {key}]'),
        *('x = """"a""""\n{key} = 1', "x = ''''a''''\n{key} = 1", '# "\n{key} = 1'),
        *('x = "\\""\n{key} = 1', "'\"' = 1\n{key} = 1", 'y = {{a = "x", {key} = 1}}'),
    ],
)
@pytest.mark.parametrize("key", [LONG, QUOTED])
def test_a_key_of_many_parts(text, key):
    assert has_long_key(text.format(key=key))


@pytest.mark.parametrize(
    "text",
    [
        *('x = "{}"', "x = '{}'", '"{}" = 1', '["{}"]', "# {}", 'x = "\\" {}"', 'x = ["b", "{}"]'),
        *('x = """\n{}\n"""', "x = '''\n{}'''", 'x = "# {}"', '"# {}" = "{}"'),
    ],
)
def test_dots_in_a_text_are_not_parts_of_a_key(text):
    whole = text.format(LONG, LONG)
    assert tomllib.loads(whole) or text.startswith("#")
    assert not has_long_key(whole)


@pytest.mark.parametrize(
    "part",
    ['"\\', '"""\\', "a ", "a." * 30 + "b ", '"', "'", "'''", '"\n', '""".', "\\", '"a".', "#\n"],
)
def test_the_search_for_long_keys_is_linear(part):
    text = "." * 40 + "\n" + part * (MAX_CONFIG_BYTES // len(part))
    start = time.process_time()
    has_long_key(text)
    assert time.process_time() - start < 5
