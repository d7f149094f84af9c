"""Templates rendered: what a placeholder turns into, and that no value can break a message (engine 6.4)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import jsonio, paths, template
from engine.core.template import RenderError, TemplateError, compile_json, compile_plain

DATA: dict[str, Any] = {
    "a": {"b": 17, "s": 'x"y'},
    "o": {"k": 1},
    "list": [{"name": "Ada"}, 2, None],
    "yes": True,
    "price": Decimal("12.50"),
    "big": 123456789012345678901234567890,
    "none": None,
    "empty": "",
    "größe": 5,
    "first-name": "Ilse",
    "evil": "${a.b}",
    "lines": "one\ntwo\t\u2028\\",
}


def lookup(path: paths.Path) -> Any:
    return paths.get(DATA, path)


def render(text: str, *, root: Any = "object") -> str:
    return compile_json(text, root=root).render(lookup)


OUTSIDE = [
    ("a number", '{"p": ${a.b}}', '{"p": 17}'),
    ("an object", '{"p": ${o}}', '{"p": {"k":1}}'),
    ("a list", '{"p": ${list}}', '{"p": [{"name":"Ada"},2,null]}'),
    ("true", '{"p": ${yes}}', '{"p": true}'),
    ("a text gets quotes", '{"p": ${a.s}}', r'{"p": "x\"y"}'),
    ("an exact decimal", '{"p": ${price}}', '{"p": 12.50}'),
    ("a big integer", '{"p": ${big}}', '{"p": 123456789012345678901234567890}'),
    ("an empty text", '{"p": ${empty}}', '{"p": ""}'),
    ("in a list", "[${a.b}, ${yes},${o}]", '[17, true,{"k":1}]'),
]


@pytest.mark.parametrize(("text", "rendered"), [row[1:] for row in OUTSIDE], ids=[row[0] for row in OUTSIDE])
def test_e121_a_placeholder_outside_a_string_inserts_json(text: str, rendered: str) -> None:
    assert render(text, root="message") == rendered


INSIDE = [
    ("a text, escaped", '{"p": "${a.s}"}', r'{"p": "x\"y"}'),
    ("a number", '{"p": "${a.b}"}', '{"p": "17"}'),
    ("mixed with text", '{"p": "id-${a.b}.pdf"}', '{"p": "id-17.pdf"}'),
    ("several", '{"p": "${a.b}/${a.b}-${yes}"}', '{"p": "17/17-true"}'),
    ("an object as compact JSON text", '{"p": "${o}"}', r'{"p": "{\"k\":1}"}'),
    ("a list as compact JSON text", '{"p": "${list}"}', r'{"p": "[{\"name\":\"Ada\"},2,null]"}'),
    ("a decimal as written", '{"p": "${price} €"}', '{"p": "12.50 €"}'),
    ("line breaks and backslashes", '{"p": "${lines}"}', '{"p": "one\\ntwo\\t\u2028\\\\"}'),
    ("beside escapes", r'{"p": "\"${a.b}\\${a.b}\u0041"}', r'{"p": "\"17\\17\u0041"}'),
]


@pytest.mark.parametrize(("text", "rendered"), [row[1:] for row in INSIDE], ids=[row[0] for row in INSIDE])
def test_e122_a_placeholder_inside_a_string_inserts_escaped_text(text: str, rendered: str) -> None:
    assert render(text) == rendered


@pytest.mark.parametrize("name", ["no", "no.thing", "none", "a.b.c", "list[2]", "list[9]", "list.name"])
def test_e123_a_missing_or_null_value_is_null_outside_and_empty_inside_a_string(name: str) -> None:
    assert (
        render(f'{{"p": ${{{name}}}, "q": "${{{name}}}", "r": "<${{{name}}}>"}}') == '{"p": null, "q": "", "r": "<>"}'
    )


def test_e124_text_brought_in_by_a_value_is_not_resolved_again() -> None:
    assert render('{"p": "${evil}", "q": ${evil}}') == '{"p": "${a.b}", "q": "${a.b}"}'
    assert compile_plain("${evil}").render(lookup) == "${a.b}"


LITERAL = [
    ('{"p": "$${a.b}"}', '{"p": "${a.b}"}'),
    ('{"p": "$${a.b} ${a.b} $${"}', '{"p": "${a.b} 17 ${"}'),
    ('{"p": "$$${a.b}"}', '{"p": "$${a.b}"}'),
    ('{"p": "$ $a $$ {a} $"}', '{"p": "$ $a $$ {a} $"}'),
    ('{"$${a}": 1}', '{"${a}": 1}'),
    (r'{"p": "\u0024{a.b}"}', r'{"p": "\u0024{a.b}"}'),
    (r'{"p": "\u0024${a.b}"}', r'{"p": "\u002417"}'),
]


@pytest.mark.parametrize(("text", "rendered"), LITERAL, ids=[row[0] for row in LITERAL])
def test_e213_a_doubled_dollar_writes_the_sign_itself(text: str, rendered: str) -> None:
    assert render(text) == rendered


ACCEPTED = [
    ("quoted", '{"p": "${a.b}"}', {"p": "17"}),
    ("embedded", '{"p": "no ${a.b}!"}', {"p": "no 17!"}),
    ("bare", '{"p": ${a.b}}', {"p": 17}),
    ("bare without blanks", '{"p":${a.b},"q":${a.b}}', {"p": 17, "q": 17}),
    ("an index in brackets", '{"p": "${list[0].name}"}', {"p": "Ada"}),
    ("an index after a dot", '{"p": "${list.0.name}"}', {"p": "Ada"}),
    ("blanks in the braces", '{"p": "${  a.b }", "q": ${\ta.b }}', {"p": "17", "q": 17}),
    ("a Unicode name", '{"p": ${größe}}', {"p": 5}),
    ("a hyphen", '{"p": "${first-name}"}', {"p": "Ilse"}),
    ("braces inside a string", '{"p": "{}}{ ${a.b} ]["}', {"p": "{}}{ 17 ]["}),
    ("quotes inside a string", r'{"p": "\"${a.b}\""}', {"p": '"17"'}),
    ("comment signs inside a string", '{"p": "http://x/# /* */"}', {"p": "http://x/# /* */"}),
    ("curly quotes inside a string", '{"p": "“it’s”"}', {"p": "“it’s”"}),
    ("blank lines around", '\n\r\n {"p": 1}\n', {"p": 1}),
    (
        "no placeholder",
        '{"p": [1.50, -2e3, true, null, {}]}',
        {"p": [Decimal("1.50"), Decimal("-2e3"), True, None, {}]},
    ),
    ("an empty object", "{}", {}),
    ("names that differ by case", '{"p": 1, "P": 2}', {"p": 1, "P": 2}),
]


@pytest.mark.parametrize(("text", "value"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_d036_accepted_templates(text: str, value: Any) -> None:
    compiled = compile_json(text)
    assert jsonio.loads(compiled.render(lookup)) == value
    assert compiled.value(lookup) == value


SEED_SAMPLES = [
    '{"processInstanceId": ${processInstanceId}}',
    '{ "name": "${application.client.firstName}" }',
    '{"processName": "demoProcess", "type": "START_PROCESS_INHERIT", "clientDataKeys": ["webAppKeys"],\n'
    ' "params": {"startCondition": "${startCondition}", "paramsToCopy": []}}',
]


@pytest.mark.parametrize("text", SEED_SAMPLES)
def test_d037_the_samples_of_the_seed_are_accepted_as_written(text: str) -> None:
    assert compile_json(text).render(lambda path: 7)


def test_d039_a_list_and_a_lone_placeholder_are_roots_of_a_kafka_message_only() -> None:
    for text in ("[1]", "${o}", " ${ o } "):
        assert compile_json(text, root="message").render(lookup)
        with pytest.raises(TemplateError) as caught:
            compile_json(text)
        assert [fault.code for fault in caught.value.faults] == ["JSN-003"]


@pytest.mark.parametrize("text", ["1", '"a"', "true", "null", '"${o}"', "-1.5", "hello", "Hello ${a.b}", '"a"${o}'])
@pytest.mark.parametrize("root", ["object", "message"])
def test_d039_a_scalar_is_no_root(text: str, root: Any) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_json(text, root=root)
    fault = caught.value.faults[0]
    assert (fault.code, fault.line, fault.column) == ("JSN-003", 1, 1)
    assert fault.values == {
        "root": {"object": "a JSON object: { … }", "message": "an object, a list or one ${key}"}[root]
    }


def test_d039_a_lone_placeholder_must_give_an_object_or_a_list_when_it_runs() -> None:
    assert render("${o}", root="message") == '{"k":1}'
    assert render("${list}", root="message") == '[{"name":"Ada"},2,null]'
    for name, kind in (
        ("a.b", "a number"),
        ("a.s", "a text"),
        ("yes", "true or false"),
        ("none", "nothing"),
        ("no", "nothing"),
    ):
        with pytest.raises(RenderError, match=rf"\$\{{{name}\}} must give an object or a list, not {kind}"):
            render(f"${{{name}}}", root="message")


def test_placeholders_are_named_with_their_places() -> None:
    compiled = compile_json('{"p": "x ${ a.b }",\r\n "q": [${list.0.name}]}')
    assert [(p.path, p.text, p.line, p.column, p.inside_string) for p in compiled.placeholders] == [
        (("a", "b"), "a.b", 1, 10, True),
        (("list", 0, "name"), "list.0.name", 2, 8, False),
    ]
    assert not compiled.is_static
    assert compile_json('{"p": "$${a}"}').is_static


def test_a_text_is_compiled_once() -> None:
    assert compile_json('{"p": ${a}}') is compile_json('{"p": ${a}}')
    assert compile_plain("a.${b}") is compile_plain("a.${b}")


PLAIN = [
    ("text", "orders.v1", "orders.v1"),
    ("a placeholder", "a.${a.b}", "a.17"),
    ("several", "${first-name}/${list[0].name}", "Ilse/Ada"),
    ("a text unescaped", "${a.s}", 'x"y'),
    ("an object", "${o}", '{"k":1}'),
    ("true", "${yes}", "true"),
    ("missing and null", "<${no}${none}>", "<>"),
    ("the sign itself", "$${a.b}.${a.b}", "${a.b}.17"),
    ("no sign", "$ $a {a.b}", "$ $a {a.b}"),
    ("blanks in the braces", "${ a.b }", "17"),
    ("nothing", "", ""),
    ("JSON means nothing here", '{"p": ${a.b}, }', '{"p": 17, }'),
]


@pytest.mark.parametrize(("text", "rendered"), [row[1:] for row in PLAIN], ids=[row[0] for row in PLAIN])
def test_d143_plain_templates_give_text(text: str, rendered: str) -> None:
    assert compile_plain(text).render(lookup) == rendered


def test_a_plain_template_names_the_placeholders_without_a_value() -> None:
    compiled = compile_plain("${no}.${a.b}.${none}.${no}")
    assert compiled.missing(lookup) == ["no", "none"]
    assert [(p.text, p.column) for p in compiled.placeholders] == [("no", 1), ("a.b", 7), ("none", 14), ("no", 22)]
    assert compile_plain("x").is_static


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), (1, "1"), (True, "true"), (None, ""), (paths.MISSING, ""), ([1], "[1]")]
)
def test_the_text_of_a_value(value: Any, text: str) -> None:
    assert template.text_of(value) == text


@pytest.mark.parametrize("value", ["\0", "\ud800", float("nan"), [Decimal("Infinity")], {"a\0": 1}], ids=repr)
def test_a_value_that_is_no_json_fails_the_render_and_breaks_no_message(value: Any) -> None:
    for text in ('{"p": ${x}}', '{"p": "<${x}>"}'):
        with pytest.raises(RenderError, match=r"\$\{x\}"):
            compile_json(text).render(lambda path: value)


def test_a_message_of_over_100_levels_fails_the_render() -> None:
    value: Any = 1
    for _ in range(99):
        value = [value]
    assert compile_json('{"p": ${x}}').render(lambda path: value)
    with pytest.raises(RenderError, match="100 levels"):
        compile_json('{"p": [${x}]}').render(lambda path: value)
    assert compile_json('{"p": ["${x}"]}').render(lambda path: value)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
hostile = st.sampled_from(['"', "\\", "${a}", "$${", "}", "',", "\n", "\x1f", "\u2028", "😀", '","x":"', "null", "]}"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | texts | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | hostile, inner, max_size=3),
    max_leaves=8,
)
holes = st.sampled_from(["a", "b.c", "d[0]", "größe"])
scalars = st.none() | st.booleans() | st.integers() | texts
text_parts = st.lists(st.tuples(st.just("text"), texts | hostile) | st.tuples(st.just("hole"), holes), max_size=5)
nodes = st.recursive(
    st.tuples(st.just("scalar"), scalars)
    | st.tuples(st.just("bare"), holes)
    | st.tuples(st.just("string"), text_parts),
    lambda inner: (
        st.tuples(st.just("list"), st.lists(inner, max_size=4))
        | st.tuples(st.just("object"), st.dictionaries(texts | hostile, inner, max_size=4))
    ),
    max_leaves=12,
)


def quoted(text: str) -> str:
    """A text between the quotes of a JSON string, so that nothing in it is a placeholder."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1].replace("${", "$${")
    return inner[:-1] + r"\u0024" if inner.endswith("$") else inner


def written(node: Any, gap: str) -> str:
    kind, content = node
    if kind == "object":
        members = (f'"{quoted(name)}"{gap}:{gap}{written(child, gap)}' for name, child in content.items())
        return f"{{{gap}{f'{gap},{gap}'.join(members)}{gap}}}"
    if kind == "list":
        return f"[{gap}{f'{gap},{gap}'.join(written(child, gap) for child in content)}{gap}]"
    if kind == "string":
        return '"' + "".join(f"${{{part}}}" if hole == "hole" else quoted(part) for hole, part in content) + '"'
    if kind == "bare":
        return f"${{{content}}}"
    return f'"{quoted(content)}"' if isinstance(content, str) else json.dumps(content)


def expected(node: Any, values: dict[str, Any]) -> Any:
    kind, content = node
    if kind == "object":
        return {name: expected(child, values) for name, child in content.items()}
    if kind == "list":
        return [expected(child, values) for child in content]
    if kind == "string":
        return "".join(template.text_of(values[part]) if hole == "hole" else part for hole, part in content)
    return values[content] if kind == "bare" else content


some_values = st.fixed_dictionaries(dict.fromkeys(("a", "b.c", "d[0]", "größe"), json_values))


@given(nodes.filter(lambda node: node[0] in ("object", "list")), some_values, st.sampled_from(["", " ", "\n\t"]))
def test_e125_whatever_the_data_the_message_is_json_of_the_templates_shape(
    node: Any, values: dict[str, Any], gap: str
) -> None:
    compiled = compile_json(written(node, gap), root="message")
    message = jsonio.loads(compiled.render(lambda path: values[paths.format(path)]))
    assert message == expected(node, values)


@given(st.text("{}[]\":,$ab.1\\\n '“tf/-#u0NaI\t", max_size=60) | st.text(), some_values)
@example('{"a":${b}}', {})
@example('{"a":"\\ud83d${b}"}', {})
@example("[" * 5000, {})
@example('{"' + "a" * 300_000, {})
def test_e125_whatever_the_text_it_compiles_or_gives_faults(text: str, values: dict[str, Any]) -> None:
    for root in ("object", "message"):
        try:
            compiled = compile_json(text, root=root)  # type: ignore[arg-type]
        except TemplateError as error:
            assert_plausible(text, error)
        else:
            rendered = compiled.render(lambda path: values.get(paths.format(path), {}))
            assert shape(jsonio.loads(rendered)).keys() == shape(compiled.value(lambda path: {})).keys()


def shape(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else dict(enumerate(value))


def assert_plausible(text: str, error: TemplateError) -> None:
    """One to three faults in order, each with a known code and a place inside the text."""
    assert 1 <= len(error.faults) <= 3
    places = [(fault.line, fault.column) for fault in error.faults]
    assert places == sorted(places)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for fault in error.faults:
        assert "JSN-001" <= fault.code <= "JSN-014"
        assert fault.line <= len(lines)
        assert fault.column <= len(lines[fault.line - 1]) + 2
        assert fault.fix is None or template.apply_fix(text, fault) != text
        assert "".join(fault.values.values()).isprintable()


@given(st.text('$ab.{} \n"[0]', max_size=40) | st.text(), json_values)
def test_e125_whatever_the_text_a_plain_template_compiles_or_gives_faults(text: str, value: Any) -> None:
    try:
        compiled = compile_plain(text)
    except TemplateError as error:
        assert_plausible(text, error)
        return
    rendered = compiled.render(lambda path: value)
    if compiled.is_static:
        assert rendered == text.replace("$${", "${")
