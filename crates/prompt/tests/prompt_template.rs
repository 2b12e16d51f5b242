//! The template engine: what it reads as Python's does, and that no template can hang it or eat memory.

use std::time::{Duration, Instant};

use callwright_parse::ErrorKind;
use callwright_prompt::{Clock, Conversation, RenderLimits, Template, TemplateTokens};
use serde_json::json;

fn conversation() -> Conversation {
    Conversation { messages: vec![json!({"role": "user", "content": "Hi"})], ..Conversation::default() }
}

fn rendered(source: &str) -> Result<String, callwright_parse::Error> {
    Template::compile(source, TemplateTokens::default())?.render(&conversation())
}

/// What jinja2 3.1 prints, set up as transformers sets it up.
#[test]
fn renders_as_jinja2_does() {
    for (source, expected) in [
        ("{{ true }} {{ none }} {{ 1.0 }} {{ 1e16 }} {{ 1e-7 }}", "True None 1.0 1e+16 1e-07"),
        ("{{ [1, 'a', \"it's\", none, {'a': (1,)}] }}", "[1, 'a', \"it's\", None, {'a': (1,)}]"),
        ("{{ {'b': 1, 'a': '<é>'} | tojson }}", "{\"b\": 1, \"a\": \"<é>\"}"),
        (
            "{{ {'b': [1, {}], 'a': []} | tojson(indent=2, sort_keys=true) }}",
            "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}",
        ),
        ("{{ [1, 2] | tojson(separators=(',', ':')) }}{{ 'é' | tojson(ensure_ascii=true) }}", "[1,2]\"\\u00e9\""),
        ("{{ '%s-%02d' % ('a', 3) }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 'ab' * 3 }} {{ [0] * 2 }}", "a-03 1 2 ababab [0, 0]"),
        ("{{ 2 + 3 * 4 - 10 // 3 * 2 }} {{ 2 ** 3 * 2 }} {{ (1 + 2) * -2 }}", "8 16 -6"),
        ("{{ 'x' ~ true ~ [1] ~ 1e16 ~ 'abc' | length }}", "xTrue[1]1e+163"),
        ("{{ ' a b '.strip().split(' ')[-1] }}{{ 'abc'[::-1] }}{{ 'a-b-c'.rsplit('-', 1)[0] }}", "bcbaa-b"),
        (
            "{{ 'abc'.startswith(('x', 'a')) }} {{ 'a b  c'.split() }} {{ 'k=v'.partition('=') }}",
            "True ['a', 'b', 'c'] ('k', '=', 'v')",
        ),
        ("{{ '{}-{}'.format(1, 'b') }} {{ 'abc'.title() }} {{ 'x'.join(['a', 'b']) }}", "1-b Abc axb"),
        ("{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "b1a2"),
        ("{% for k, v in {'b': 1, 'a': 2} | items %}{{ k }}{{ v }}{% endfor %}", "b1a2"),
        (
            "{{ {'items': 1}.items() | list }} {{ {'a': 1}.get('b', 'x') }} {{ {'a': 1}.get('b') }}",
            "[('items', 1)] x None",
        ),
        (
            "{% set x = [] %}{% set _ = x.append(1) %}{% set _ = x.append('b') %}{{ x }}{{ x.pop(0) }}{{ x | length }}",
            "[1, 'b']11",
        ),
        (
            "{% set n = namespace(x=0) %}{% for i in range(5) %}{% if i == 3 %}{% break %}{% endif %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}",
            "3",
        ),
        ("{% for i in [1, 2, 3] if i != 2 %}{{ loop.index }}{{ i }}{% continue %}x{% endfor %}", "1123"),
        (
            "{% macro m(a, b='y') %}{{ a }}{{ b }}{{ caller() if caller is defined }}{% endmacro %}{{ m('x') }}{% call m(1, b=2) %}c{% endcall %}",
            "xy12c",
        ),
        ("a\n{% generation %}\nb{{ '{% generation %}' }}\n{% endgeneration %}\nc", "a\nb{% generation %}\nc"),
        ("{% set x %}  {{ 'a' }} {% endset %}[{{ x }}]", "[  a ]"),
        ("    {% if true %}\n  x\n    {% endif %}\ny\n", "  x\ny"),
        (
            "{{ x is defined }} {{ x is none }} {{ '' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ none is iterable }}",
            "False False True True True False",
        ),
        ("{{ 'a'|safe + '<' + \"'\" }}{{ '<' }}", "a&lt;&#39;<"),
        ("{% raw %}{{ not }} {% this %}{% endraw %}", "{{ not }} {% this %}"),
        (
            "{%- for a in [[1, [2]], [3, []]] recursive %}{{ a[0] }}{% if a[1] %}({{ a[1][0] }}){% endif %}{% endfor %}",
            "1(2)3",
        ),
        (
            "{{ [{'a': 1}, {'a': 2}] | map(attribute='a') | join(', ') }} {{ [3, 1] | sort }} {{ ['a', 'b'] | last }}",
            "1, 2 [1, 3] b",
        ),
        ("{{ undefined_thing }}|{{ none.x }}|{{ 'a' if false }}|{{ x | default('d') }}", "|||d"),
        ("{{ 1 if x is not defined and not (x or none) else 2 }}", "1"),
    ] {
        match rendered(source) {
            Ok(text) => assert_eq!(text, expected, "{source}"),
            Err(error) => panic!("{source}: {error}"),
        }
    }
}

#[test]
fn fails_where_jinja2_fails() {
    for (source, part) in [
        ("a\n{{ x.y }}", "line 2"),
        ("{% for x in none %}{% endfor %}", "none is not iterable"),
        ("{{ 'a' + 1 }}", "line 1"),
        ("{{ x | nothing }}", "nothing"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{{ undefined_thing | tojson }}", "line 1"),
        ("{% if %}", "line 1"),
        ("{% include 'other' %}", "line 1"),
        ("x\n{{ 'never closed }}", "line 2"),
        ("{{ strftime_now('%Y') }}", "strftime_now"),
    ] {
        let error = rendered(source).expect_err(source);
        assert_eq!(error.kind(), ErrorKind::Template, "{source}");
        assert!(error.to_string().contains(part), "{source}: {error}");
        assert!(error.hint_text().is_some());
    }
}

#[test]
fn the_date_is_the_one_handed_in() {
    let template = Template::compile("{{ strftime_now('%d %b %Y') }}", TemplateTokens::default()).unwrap();
    let today = Conversation { now: Some(Clock::utc(1_767_225_599)), ..conversation() };
    assert_eq!(template.render(&today).unwrap(), "31 Dec 2025");
}

/// Each of these is a few bytes of source that asks for the world.
#[test]
fn no_template_hangs_or_eats_memory() {
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    let lists = format!("{{{{ {}{} }}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bulk = format!(
        "{{% set n = namespace(t='') %}}{{% for i in range(99999) %}}{{% set x %}}{}{{% endset %}}{{% set n.t = n.t ~ x %}}{{% endfor %}}",
        "word ".repeat(20_000)
    );
    let raw = format!(
        "{{% for i in range(99999) %}}{{% for j in range(99999) %}}{{% raw %}}{}{{% endraw %}}{{% endfor %}}{{% endfor %}}",
        "word ".repeat(2_000)
    );
    let ifs = "{% if true %}".repeat(50_000);
    let product = format!("{{{{ {} }}}}", vec!["('a' * 9999999)"; 500].join(" ~ "));
    let bare = format!("{{{{ {} }}}}", ["'a' * 9999999"; 500].join(" ~ "));
    let pluses = format!("{{% set x = 'a' * 1000000 %}}{{{{ {} }}}}", ["x"; 300].join(" + "));
    let chain = format!("{{{{ {} }}}}", vec!["x"; 20_000].join(" + "));
    let filters = format!("{{{{ x{} }}}}", " | upper".repeat(20_000));
    let attributes = format!("{{{{ x{} }}}}", ".a".repeat(20_000));
    let calls = format!("{{{{ x{} }}}}", "()".repeat(20_000));
    let elifs = format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(20_000));
    let choices = format!("{{{{ {} 1 }}}}", "1 if x else ".repeat(20_000));
    let negations = format!("{{{{ {} }}}}", "not ".repeat(20_000));
    let minuses = format!("{{{{ {}1 }}}}", "-".repeat(20_000));
    let comparisons = format!("{{{{ {} }}}}", vec!["x"; 20_000].join(" < "));
    for source in [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * 'a' }}",
        "{{ [0] * 1000000000 }}",
        "{{ 'a' * 10 ** 9 }}",
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x == 1 }}",
        "{% set n = namespace(x={}) %}{% for i in range(60) %}{% set n.x = {'a': n.x, 'b': n.x} %}{% endfor %}{{ n.x | tojson }}",
        "{% set n = namespace(x={}) %}{% for i in range(60) %}{% set n.x = dict(a=n.x, b=n.x) %}{% endfor %}{{ n.x | string }}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x | replace('a', n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x.replace('b', n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = [n.x, n.x] | join(n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x.join([n.x, n.x]) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = '%s%s' | format(n.x, n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = '{0}{0}'.format(n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = '%s%s' % (n.x, n.x) %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set y %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = y %}{% endfor %}",
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = m(n.x) %}{% endfor %}",
        "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('aaaaaaaa') }}",
        "{% macro m(x) %}{{ m(x) }}{{ m(x) }}{% endmacro %}{{ m(1) }}",
        "{% set x = [] %}{% set _ = x.append(x) %}{{ x }}",
        "{% set x = [] %}{% set y = [x] %}{% set _ = x.append(y) %}{{ x }}",
        "{% set x = [1] %}{% for i in x %}{% set _ = x.append(i) %}{% endfor %}{% for i in range(60) %}{% set _ = x.extend(x) %}{% endfor %}",
        "{% set n = namespace() %}{% set n.me = n %}{{ n }}",
        "{% set a = namespace() %}{% set b = namespace() %}{% set a.x = b %}{% set b.x = a %}{{ a == b }}",
        "{% set a = namespace() %}{% set a.x = [a] %}{{ a }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ [[]] | tojson(indent=1000000000) }}",
        "{{ '%1000000000d' % 3 }}",
        "{{ '%.1000000000f' % 3.0 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a'.zfill(1000000000) }}",
        "{{ [1] | batch(1000000000, 0) | list }}",
        "{{ range(100000) | list | join('a' * 100000) }}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for i in range(100000) %}{{ messages | tojson }}{{ ('a' * 1000) }}{% endfor %}",
        "{% set x = messages[0:] %}{% set n = namespace(x=messages) %}{% for i in range(60) %}{% set n.x = [n.x[::-1], n.x[::-1]] %}{% endfor %}{{ n.x == n.x[::-1] }}",
        "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = [n.x, n.x] | string %}{% endfor %}",
        "{% set n = namespace(x='<') %}{% for i in range(60) %}{% set n.x = n.x | escape %}{% endfor %}{% for i in range(60) %}{% set n.x = n.x ~ n.x | e %}{% endfor %}",
        "{% with x = 'a' * 30000000 %}{% with y = x ~ x %}{{ y ~ y ~ y ~ y }}{% endwith %}{% endwith %}",
        "{% filter upper %}{% for i in range(99999) %}{{ 'word' * 9999 }}{% endfor %}{% endfilter %}",
        &nested,
        &lists,
        &bulk,
        &raw,
        &ifs,
        &product,
        &bare,
        &pluses,
        &chain,
        &filters,
        &attributes,
        &calls,
        &elifs,
        &choices,
        &negations,
        &minuses,
        &comparisons,
    ] {
        let started = Instant::now();
        let result = rendered(source);
        let shown: String = source.chars().take(120).collect();
        assert!(started.elapsed() < Duration::from_secs(20), "{shown} took {:?}", started.elapsed());
        let error = result.map(|text| text.len()).expect_err(&shown);
        assert_eq!(error.kind(), ErrorKind::Template, "{shown}");
    }
}

/// What one instruction of minijinja would take without an end, and what its values would come to hold.
#[test]
fn no_single_value_grows_out_of_hand() {
    let attributes: Vec<_> = (0..200).map(|at| format!("{{% set n.a{at} = x %}}")).collect();
    let attributes =
        format!("{{% set n = namespace() %}}{{% set x = 'a' * 999999 %}}{}{{{{ n == 1 }}}}", attributes.concat());
    for source in [
        "{{ (['a' * 1000000] * 10000) | map('upper') | list | length }}",
        "{{ (['a' * 1000000] * 10000) | sort | length }}",
        "{{ [1] | slice(1000000000) | length }}",
        "{{ (['abc'] * 100000) | sum(start='') | length }}",
        "{% set x = 'ab' * 400000 %}{{ x.strip(x[::-1]) }}",
        "{% set x = [] %}{% set a = [x] * 1000 %}{% set b = [a] * 1000 %}{% set _ = x.append(1) %}{{ b == [a] * 1000 }}",
        "{% set x = [1] %}{% for i in range(99999) %}{% set _ = x.append([x.pop()]) %}{% endfor %}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{% set x = [namespace()] %}{{ x }}",
        &attributes,
    ] {
        let shown: String = source.chars().take(120).collect();
        let started = Instant::now();
        let error = rendered(source).map(|text| text.len()).expect_err(&shown);
        assert_eq!(error.kind(), ErrorKind::Template, "{shown}");
        assert!(started.elapsed() < Duration::from_secs(20), "{shown} took {:?}", started.elapsed());
    }
}

/// Where minijinja itself panics or never ends.
#[test]
fn no_value_is_too_odd() {
    for (source, expected) in [
        ("{{ [][::-1] }}{{ ''[::-1] }}|{{ [1, 2][0:1:-1] }}{{ 'abc'[5:0:-2] }}", "[]|[]c"),
        ("{{ 3 is divisibleby(0) }} {{ 6 is divisibleby(3) }} {{ 'a' is divisibleby(3) }}", "False True False"),
        ("{{ [] * 9223372036854775807 }}{{ '' * 9223372036854775807 }}{{ 'ab' * -1 }}", "[]"),
        ("{% set x = [1] %}{{ x.index(1) }}{{ x.pop(-1) }}{{ x }}", "01[]"),
        ("{% set a, b = [], [] %}{% set _ = a.append(1) %}{{ a }}{{ b }}", "[1][]"),
        ("{% set n = namespace(l=[]) %}{% set _ = n.l.append(2) %}{{ n.l }}", "[2]"),
    ] {
        assert_eq!(rendered(source).unwrap_or_else(|error| panic!("{source}: {error}")), expected, "{source}");
    }
    let error = rendered("{% set x = [] %}{% set y = [x] %}{% set _ = x.append(1) %}").unwrap_err();
    assert!(error.to_string().contains("can no longer grow"), "{error}");
    assert!(rendered(&format!("{{{{ {} }}}}", "9".repeat(70_000))).unwrap_err().to_string().contains("line 1"));
}

#[test]
fn limits_are_told_apart_from_mistakes() {
    let error = rendered("{{ 'a' * 1000000000 }}").unwrap_err();
    assert!(error.to_string().starts_with("the chat template was stopped in line 1"), "{error}");
    let error = rendered("\n{% for i in range(9999) %}{% for c in 'a' * 999 %}{% endfor %}{% endfor %}").unwrap_err();
    assert!(error.to_string().contains("does not come to an end"), "{error}");
}

/// A long conversation is no attack: the budget grows with it.
#[test]
fn the_budget_grows_with_the_conversation() {
    let source = "{% for m in messages %}{% if messages[loop.index0].content == m.content %}<{{ m.role }}>{{ m.content | trim }}{% endif %}{% endfor %}";
    let template = Template::compile(source, TemplateTokens::default()).unwrap();
    let message = json!({"role": "user", "content": "word ".repeat(20_000)});
    let long = Conversation { messages: vec![message; 200], ..Conversation::default() };
    assert!(template.render(&long).unwrap().len() > 19_000_000);
    let tight = RenderLimits { bytes: 1000, bytes_a_byte: 1, ..RenderLimits::default() };
    assert!(template.limits(tight).render(&long).is_err());
}
