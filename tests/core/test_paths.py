"""Key paths: one grammar, reading, writing, merging, copying, and the filter of Data to send."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import paths
from engine.core.paths import MISSING, PathError

PATHS = [
    ("a", ("a",)),
    ("application.client.firstName", ("application", "client", "firstName")),
    ("list[0].name", ("list", 0, "name")),
    ("list.0.name", ("list", 0, "name")),
    ("rows[0][12]", ("rows", 0, 12)),
    ("_private", ("_private",)),
    ("first-name.x_1", ("first-name", "x_1")),
    ("größe.名前", ("größe", "名前")),
    ("a[0].1.b", ("a", 0, 1, "b")),
]


@pytest.mark.parametrize(("text", "path"), PATHS, ids=[row[0] for row in PATHS])
def test_d143_e195_a_key_path_is_a_name_then_names_and_numbers(text: str, path: paths.Path) -> None:
    assert paths.parse(text) == path
    assert paths.parse(paths.format(path)) == path


def test_e195_a_number_in_brackets_and_one_after_a_dot_are_one_path() -> None:
    assert paths.parse("list[0].name") == paths.parse("list.0.name")
    assert paths.format(paths.parse("list.0.name")) == "list[0].name"


NO_PATHS = [
    *("", " ", ".", "a.", ".a", "a..b", "a b", " a", "a ", "a\n", "1x", "0", "[0]", "-a", "a.-b", "a.1x", "a.1-"),
    *("a[", "a[]", "a[x]", "a[-1]", "a[01]", "a.01", "a[1", "a]", "a[0]b", "a[0]x.y", "a[1.5]", "a['b']", 'a["b"]'),
    *("a²", "aⅧ", "²", "a.٣", "a[٣]", "a$", "${a}", "a,b", "a/b", "a@b", "a\u0301", "a\0", "\ud800", "a[1000000000]"),
    ".".join("a" * 101),
]


@pytest.mark.parametrize("text", NO_PATHS, ids=[repr(text)[:20] for text in NO_PATHS])
def test_d143_anything_else_is_no_key_path(text: str) -> None:
    with pytest.raises(PathError):
        paths.parse(text)


DATA: dict[str, Any] = {"client": {"name": "Ada", "tags": ["x", {"y": 1}], "0": "zero", "none": None}, "n": 5}

READS = [
    ("client.name", "Ada"),
    ("client.tags", ["x", {"y": 1}]),
    ("client.tags[1].y", 1),
    ("client.0", "zero"),
    ("client[0]", "zero"),
    ("client.none", None),
    ("client.none.more", MISSING),
    ("client.nothing", MISSING),
    ("client.tags[2]", MISSING),
    ("client.tags.name", MISSING),
    ("client.name.first", MISSING),
    ("client.name[0]", MISSING),
    ("n[0]", MISSING),
    ("Client", MISSING),
]


@pytest.mark.parametrize(("path", "value"), READS, ids=[row[0] for row in READS])
def test_reading_gives_the_value_or_nothing(path: str, value: Any) -> None:
    assert paths.get(DATA, paths.parse(path)) is value or paths.get(DATA, paths.parse(path)) == value


def test_a_stored_null_is_not_the_same_as_nothing() -> None:
    assert paths.get(DATA, "client.none") is None
    assert paths.get(DATA, "client.nothing") is MISSING
    assert not MISSING


WRITES = [
    ("a missing object is made", {}, "a.b.c", {"a": {"b": {"c": 9}}}),
    ("beside what is there", {"a": {"b": 1}}, "a.c", {"a": {"b": 1, "c": 9}}),
    ("a scalar in the way is replaced", {"a": 5}, "a.b", {"a": {"b": 9}}),
    ("a null in the way is replaced", {"a": None}, "a.b", {"a": {"b": 9}}),
    ("an object at the end is replaced", {"a": {"b": 1}}, "a", {"a": 9}),
    ("an entry of a list", {"a": [1, 2]}, "a[1]", {"a": [1, 9]}),
    ("inside an entry of a list", {"a": [{"b": 1}]}, "a[0].c", {"a": [{"b": 1, "c": 9}]}),
    ("a number on an object is a name", {"a": {}}, "a[0]", {"a": {"0": 9}}),
]


@pytest.mark.parametrize(("before", "path", "after"), [row[1:] for row in WRITES], ids=[row[0] for row in WRITES])
def test_e195_writing_makes_missing_objects(before: dict[str, Any], path: str, after: dict[str, Any]) -> None:
    untouched = copy.deepcopy(before)
    assert paths.put(before, paths.parse(path), 9) == after
    assert before == untouched


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ({"a": [1]}, "a[1]"),
        ({"a": []}, "a[0].b"),
        ({}, "a[0]"),
        ({"a": 5}, "a[0]"),
        ({"a": None}, "a[0]"),
        ({"a": [1]}, "a.b"),
    ],
)
def test_e195_writing_to_an_index_that_does_not_exist_fails(before: dict[str, Any], path: str) -> None:
    with pytest.raises(PathError, match="cannot be written"):
        paths.put(before, path, 9)


def test_writing_shares_what_it_does_not_change() -> None:
    before: dict[str, Any] = {"a": {"b": 1}, "big": {"list": [1, 2, 3]}}
    after = paths.put(before, "a.b", 2)
    assert after["big"] is before["big"]


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("a.b", {"a": {"c": [1, {"d": 2}]}}),
        ("a.c[0]", {"a": {"b": 1, "c": [{"d": 2}]}}),
        ("a.c[1].d", {"a": {"b": 1, "c": [1, {}]}}),
        ("a", {}),
    ],
)
def test_removing_takes_out_the_value(path: str, after: dict[str, Any]) -> None:
    before: dict[str, Any] = {"a": {"b": 1, "c": [1, {"d": 2}]}}
    untouched = copy.deepcopy(before)
    assert paths.remove(before, path) == after
    assert before == untouched


@pytest.mark.parametrize("path", ["x", "a.x", "a.b.x", "a.c[2]", "a.c.x"])
def test_removing_what_is_not_there_changes_nothing(path: str) -> None:
    before: dict[str, Any] = {"a": {"b": 1, "c": [1, {"d": 2}]}}
    assert paths.remove(before, path) is before


MERGES = [
    ("objects recursively", {"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}, {"a": {"b": 1, "c": 3, "d": 4}}),
    ("arrays replace", {"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ("scalars replace", {"a": {"b": 1}}, {"a": 5}, {"a": 5}),
    ("an object replaces a scalar", {"a": 5}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ("an explicit null replaces", {"a": {"b": 1}}, {"a": None}, {"a": None}),
    ("nothing changes nothing", {"a": 1}, {}, {"a": 1}),
]


@pytest.mark.parametrize(("base", "extra", "merged"), [row[1:] for row in MERGES], ids=[row[0] for row in MERGES])
def test_merging(base: dict[str, Any], extra: dict[str, Any], merged: dict[str, Any]) -> None:
    untouched = copy.deepcopy(base)
    assert paths.merge(base, extra) == merged
    assert base == untouched


RELATED: dict[str, Any] = {"client": {"name": "Ada", "mail": "a@b"}, "rows": [{"n": 1, "m": 2}, {"n": 3}], "x": None}


@pytest.mark.parametrize(
    ("keys", "copied"),
    [
        (["client.name"], {"client": {"name": "Ada"}}),
        (["client.name", "x"], {"client": {"name": "Ada"}, "x": None}),
        (["client", "client.name"], {"client": {"name": "Ada", "mail": "a@b"}}),
        (["client.name", "client"], {"client": {"name": "Ada", "mail": "a@b"}}),
        (["rows[1].n"], {"rows": [None, {"n": 3}]}),
        (["nothing", "client.none", "rows[7]"], {}),
        (["not a path", "client.name"], {"client": {"name": "Ada"}}),
        ([], {}),
    ],
)
def test_copying_only_some_keys_keeps_their_nesting(keys: list[str], copied: dict[str, Any]) -> None:
    assert paths.copy_only(RELATED, keys) == copied


@pytest.mark.parametrize(
    ("keys", "copied"),
    [
        (["client.name", "rows", "x"], {"client": {"mail": "a@b"}}),
        (["rows[0]", "rows[1].n", "client", "x"], {"rows": [{}]}),
        (["rows[0].m", "client", "x"], {"rows": [{"n": 1}, {"n": 3}]}),
        (["nothing", "rows[9]", "not a path", "client.name.first"], RELATED),
        ([], RELATED),
    ],
)
def test_copying_without_some_keys_leaves_the_rest(keys: list[str], copied: dict[str, Any]) -> None:
    untouched = copy.deepcopy(RELATED)
    assert paths.copy_without(RELATED, keys) == copied
    assert untouched == RELATED


FLAT = [
    ("flattened keys", {"a.b": 1, "a.c.d": 2}, {"a": {"b": 1, "c": {"d": 2}}}),
    ("beside nested ones", {"a": {"b": 1}, "a.c": 2}, {"a": {"b": 1, "c": 2}}),
    ("in either order", {"a.c": 2, "a": {"b": 1}}, {"a": {"c": 2, "b": 1}}),
    ("a later key replaces", {"a": {"b": 1}, "a.b": 2}, {"a": {"b": 2}}),
    ("rows of a form", {"r[0].n": 1, "r[1].n": 2, "r[0].m": 3}, {"r": [{"n": 1, "m": 3}, {"n": 2}]}),
    ("rows with dots, any order", {"r.1": "b", "r.0": "a"}, {"r": ["a", "b"]}),
    ("rows of rows", {"r[0][0]": 1, "r[0][1]": 2}, {"r": [[1, 2]]}),
    ("numbers that are no positions", {"r.5": 1}, {"r": {"5": 1}}),
    ("into a list that is there", {"r": [{"n": 1}], "r[0].m": 2}, {"r": [{"n": 1, "m": 2}]}),
    ("no place for it", {"r": [1], "r[3]": 2, "r.x": 3}, {"r": [1], "r[3]": 2, "r.x": 3}),
    ("keys that are no paths", {"a b": 1, "": 2, "a..b": 3}, {"a b": 1, "": 2, "a..b": 3}),
    ("a huge number", {"r[999999999]": 1}, {"r": {"999999999": 1}}),
    ("values stay as they are", {"a": {"b.c": 1}}, {"a": {"b.c": 1}}),
]


@pytest.mark.parametrize(("body", "nested"), [row[1:] for row in FLAT], ids=[row[0] for row in FLAT])
def test_e188_a_flattened_body_is_nested(body: dict[str, Any], nested: dict[str, Any]) -> None:
    untouched = copy.deepcopy(body)
    assert paths.nest(body) == nested
    assert body == untouched


def test_nesting_80_000_flattened_keys_takes_no_long_time() -> None:
    body: dict[str, Any] = {f"form.field{number}": number for number in range(80_000)}
    assert len(paths.nest(body)["form"]) == 80_000  # type: ignore[arg-type]


KEPT = [
    (
        "a key covers its value",
        ["application.client"],
        {"application": {"client": "x"}},
        {"application": {"client": "x"}},
    ),
    (
        "and all below it",
        ["application.client"],
        {"application": {"client": {"email": "x", "tags": [1]}}},
        {"application": {"client": {"email": "x", "tags": [1]}}},
    ),
    (
        "not what stands beside it",
        ["application.client"],
        {"application": {"client": 1, "other": 2}, "z": 3},
        {"application": {"client": 1}},
    ),
    ("a null is a value", ["a"], {"a": None}, {"a": None}),
    ("a scalar above the key is not covered", ["a.b"], {"a": 5}, {}),
    ("an array above the key is dropped whole", ["a.b"], {"a": [{"b": 1}]}, {}),
    ("an array at the key is accepted whole", ["a.b"], {"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 1}]}}),
]


@pytest.mark.parametrize(("keys", "body", "kept"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_e184_only_values_under_a_key_are_kept(keys: list[str], body: dict[str, Any], kept: dict[str, Any]) -> None:
    assert paths.keep_keys(body, keys) == kept


def test_e185_a_key_covers_whole_segments_only() -> None:
    body: dict[str, Any] = {"application": {"client": {"email": "x"}, "clientX": 1}, "app": 2}
    assert paths.keep_keys(body, ["application.client"]) == {"application": {"client": {"email": "x"}}}


def test_e186_no_keys_keep_nothing() -> None:
    assert paths.keep_keys({"a": 1, "b.c": 2}, []) == {}


def test_e188_flattened_values_are_nested_before_the_check() -> None:
    body: dict[str, Any] = {"application.client.email": "x", "application.clientX": 1}
    assert paths.keep_keys(body, ["application.client"]) == {"application": {"client": {"email": "x"}}}


def test_what_was_dropped_can_be_named() -> None:
    body: dict[str, Any] = {"a.b": 1, "a": {"c": {"d": 2, "e": []}, "f": {}}, "g h": 3, "l": [1]}
    assert paths.dropped_keys(body, ["a.b", "a.c.d"]) == ["a.c.e", "a.f", "g h", "l"]
    assert paths.dropped_keys(body, ["a", "l", "g h"]) == ["g h"]
    assert paths.dropped_keys({}, []) == []


@given(st.text() | st.from_regex(r"[a-z.\[\]0-9_-]{1,12}", fullmatch=True))
@example("a" + "[0]" * 5000)
@example("a." * 50_000)
@example("9" * 5000)
def test_whatever_the_text_parsing_ends_with_a_path_or_a_path_error(text: str) -> None:
    try:
        path = paths.parse(text)
    except PathError:
        return
    assert paths.parse(paths.format(path)) == path


names = st.sampled_from(["a", "b", "c"])
segments = names | st.integers(0, 2)
some_paths = st.tuples(names) | st.tuples(names, segments) | st.tuples(names, segments, segments)
leaves = st.none() | st.integers(0, 9)
members = names | st.sampled_from(["0", "1"])
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=3))
objects = st.dictionaries(members, values, max_size=3)


@given(objects, some_paths, values)
def test_what_is_written_is_read_back_or_refused(data: dict[str, Any], path: paths.Path, value: Any) -> None:
    before = copy.deepcopy(data)
    try:
        after = paths.put(data, path, value)
    except PathError:
        assert paths.get(data, path) is MISSING
    else:
        assert paths.get(after, path) == value
    assert data == before


@given(objects, some_paths)
def test_what_is_removed_is_gone_and_nothing_else(data: dict[str, Any], path: paths.Path) -> None:
    before = copy.deepcopy(data)
    after = paths.remove(data, path)
    assert data == before
    if paths.get(data, path) is MISSING:
        assert after == data
    else:
        assert paths.copy_without(data, [path]) == after


@given(objects, st.lists(some_paths, max_size=4))
def test_a_copy_of_some_paths_reads_the_same_at_them(data: dict[str, Any], some: list[paths.Path]) -> None:
    copied = paths.copy_only(data, some)
    for path in some:
        assert paths.get(copied, path) == paths.get(data, path)
    assert paths.copy_without(copied, some).keys() <= copied.keys()


@given(objects, objects)
def test_merging_gives_the_extra_values_and_keeps_the_others(base: dict[str, Any], extra: dict[str, Any]) -> None:
    merged = paths.merge(base, extra)
    assert paths.merge(merged, extra) == merged
    assert merged.keys() == base.keys() | extra.keys()
    assert all(merged[name] == value for name, value in extra.items() if not isinstance(value, dict))
    assert all(merged[name] == value for name, value in base.items() if name not in extra)


some_keys = st.lists(st.tuples(names) | st.tuples(names, names), max_size=4)


@given(st.dictionaries(names, st.recursive(leaves, lambda inner: st.dictionaries(names, inner)), max_size=3), some_keys)
def test_e184_what_is_kept_and_what_is_dropped_make_the_whole(body: dict[str, Any], keys: list[paths.Path]) -> None:
    kept, dropped = paths.keep_keys(body, keys), paths.dropped_keys(body, keys)
    assert all(paths.get(kept, text) is MISSING for text in dropped)
    assert not any(paths.parse(text)[: len(key)] == key for text in dropped for key in keys)
    whole = kept
    for text in dropped:
        value = paths.get(body, text)
        assert value is not MISSING
        whole = paths.put(whole, text, value)  # type: ignore[arg-type]
    assert whole == body


@given(st.dictionaries(st.text("ab.[]01", max_size=8), leaves, max_size=6))
def test_nesting_never_fails_and_loses_no_value_without_a_rival(body: dict[str, Any]) -> None:
    nested = paths.nest(body)
    if len(body) == 1:
        key, value = next(iter(body.items()))
        try:
            path = paths.parse(key)
        except PathError:
            path = (key,)
        assert paths.get(nested, path) == value
