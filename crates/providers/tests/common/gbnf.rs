//! Writes texts that a GBNF grammar allows, at random: what a remote engine could come to write under it.

#![allow(dead_code, clippy::expect_used, reason = "a grammar that cannot be read is a failure")]

use std::collections::BTreeMap;

/// A grammar, read.
pub(crate) struct Gbnf {
    rules: BTreeMap<String, Vec<Vec<Item>>>,
    /// For each rule, the fewest rules that must be gone through to its end.
    depths: BTreeMap<String, usize>,
}

#[derive(Debug, Clone)]
enum Item {
    Text(String),
    Class { letters: Vec<(char, char)>, negated: bool },
    Rule(String),
    Group(Vec<Vec<Self>>),
    Repeat(Box<Self>, usize, usize),
}

const FAR: usize = 1 << 20;

impl Gbnf {
    pub(crate) fn read(text: &str) -> Self {
        let mut rules = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (name, body) = line.split_once(" ::= ").expect("a rule");
            let mut rest = body.trim();
            let ways = alternatives(&mut rest);
            assert!(rest.is_empty(), "what is left of {line}: {rest}");
            assert!(rules.insert(name.to_owned(), ways).is_none(), "{name} is said twice");
        }
        let mut depths: BTreeMap<String, usize> = rules.keys().map(|name| (name.clone(), FAR)).collect();
        loop {
            let next: BTreeMap<String, usize> =
                rules.iter().map(|(name, ways)| (name.clone(), 1 + shortest(ways, &depths))).collect();
            let done = next == depths;
            depths = next;
            if done {
                break;
            }
        }
        assert!(depths.values().all(|depth| *depth < FAR), "a rule has no end");
        Self { rules, depths }
    }

    /// A text of the grammar. `dice` gives a number below the one it is given.
    pub(crate) fn write(&self, dice: &mut dyn FnMut(usize) -> usize) -> String {
        let mut out = String::new();
        let mut fuel = 400;
        self.put(&Item::Rule("root".to_owned()), &mut out, &mut fuel, dice);
        out
    }

    fn put(&self, item: &Item, out: &mut String, fuel: &mut usize, dice: &mut dyn FnMut(usize) -> usize) {
        *fuel = fuel.saturating_sub(1);
        match item {
            Item::Text(text) => out.push_str(text),
            Item::Class { letters, negated } => out.push(letter(letters, *negated, dice)),
            Item::Rule(name) => self.either(&self.rules[name], out, fuel, dice),
            Item::Group(ways) => self.either(ways, out, fuel, dice),
            Item::Repeat(item, least, most) => {
                let more = if *fuel == 0 { 0 } else { dice(3).min(most - least) };
                for _ in 0..least + more {
                    self.put(item, out, fuel, dice);
                }
            }
        }
    }

    fn either(&self, ways: &[Vec<Item>], out: &mut String, fuel: &mut usize, dice: &mut dyn FnMut(usize) -> usize) {
        let way = if *fuel == 0 {
            ways.iter().min_by_key(|way| depth(way, &self.depths)).expect("a way")
        } else {
            &ways[dice(ways.len())]
        };
        for item in way {
            self.put(item, out, fuel, dice);
        }
    }
}

fn shortest(ways: &[Vec<Item>], depths: &BTreeMap<String, usize>) -> usize {
    ways.iter().map(|way| depth(way, depths)).min().unwrap_or(FAR).min(FAR - 1)
}

fn depth(way: &[Item], depths: &BTreeMap<String, usize>) -> usize {
    way.iter()
        .map(|item| match item {
            Item::Rule(name) => *depths.get(name).unwrap_or_else(|| panic!("no rule {name}")),
            Item::Group(ways) => shortest(ways, depths),
            Item::Repeat(item, least, _) if *least > 0 => depth(std::slice::from_ref(item), depths),
            _ => 0,
        })
        .max()
        .unwrap_or(0)
}

/// Letters that mean something in some format.
const SOME: &str = "ab1-_ \n<>/={}[]()\"'|,.:;&é｜日\\tnu5";

/// A letter of a class, where possible one that means something in some format.
fn letter(letters: &[(char, char)], negated: bool, dice: &mut dyn FnMut(usize) -> usize) -> char {
    let within = |c: char| letters.iter().any(|(from, to)| (*from..=*to).contains(&c));
    if !negated {
        let (from, to) = letters[dice(letters.len())];
        let span = u32::from(to) - u32::from(from) + 1;
        let at = u32::try_from(dice(span as usize)).expect("small");
        return char::from_u32(u32::from(from) + at).unwrap_or(from);
    }
    let all: Vec<char> = SOME.chars().filter(|c| !within(*c)).collect();
    all[dice(all.len())]
}

fn alternatives(rest: &mut &str) -> Vec<Vec<Item>> {
    let mut ways = vec![sequence(rest)];
    while let Some(behind) = rest.strip_prefix('|') {
        *rest = behind.trim_start();
        ways.push(sequence(rest));
    }
    ways
}

fn sequence(rest: &mut &str) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(first) = rest.chars().next().filter(|c| !"|)".contains(*c)) {
        let mut item = match first {
            '"' => Item::Text(quoted(rest)),
            '[' => class(rest),
            '(' => {
                *rest = rest[1..].trim_start();
                let ways = alternatives(rest);
                *rest = rest.strip_prefix(')').expect("the group's end");
                Item::Group(ways)
            }
            _ => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
                assert!(end > 0, "what is this: {rest}");
                let name = rest[..end].to_owned();
                *rest = &rest[end..];
                Item::Rule(name)
            }
        };
        while let Some((least, most, length)) = often(rest) {
            item = Item::Repeat(Box::new(item), least, most);
            *rest = &rest[length..];
        }
        *rest = rest.trim_start();
        items.push(item);
    }
    items
}

fn often(rest: &str) -> Option<(usize, usize, usize)> {
    match rest.chars().next()? {
        '*' => Some((0, FAR, 1)),
        '+' => Some((1, FAR, 1)),
        '?' => Some((0, 1, 1)),
        '{' => {
            let end = rest.find('}')?;
            let (least, most) = rest[1..end].split_once(',').unwrap_or((&rest[1..end], &rest[1..end]));
            Some((least.parse().ok()?, most.parse().unwrap_or(FAR), end + 1))
        }
        _ => None,
    }
}

fn escaped(rest: &mut &str) -> char {
    let mut letters = rest.chars();
    let first = letters.next().expect("a letter");
    *rest = letters.as_str();
    if first != '\\' {
        return first;
    }
    let kind = letters.next().expect("an escape");
    *rest = letters.as_str();
    let mut code = |digits: usize| {
        let code = u32::from_str_radix(&rest[..digits], 16).expect("digits");
        *rest = &rest[digits..];
        char::from_u32(code).expect("a letter")
    };
    match kind {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'x' => code(2),
        'u' => code(4),
        other => other,
    }
}

fn quoted(rest: &mut &str) -> String {
    *rest = &rest[1..];
    let mut text = String::new();
    while !rest.starts_with('"') {
        text.push(escaped(rest));
    }
    *rest = &rest[1..];
    text
}

fn class(rest: &mut &str) -> Item {
    *rest = &rest[1..];
    let negated = rest.starts_with('^');
    *rest = rest.strip_prefix('^').unwrap_or(rest);
    let mut letters = Vec::new();
    while !rest.starts_with(']') {
        let from = escaped(rest);
        let is_range = rest.starts_with('-') && !rest[1..].starts_with(']');
        let to = if is_range {
            *rest = &rest[1..];
            escaped(rest)
        } else {
            from
        };
        letters.push((from, to));
    }
    *rest = &rest[1..];
    Item::Class { letters, negated }
}
