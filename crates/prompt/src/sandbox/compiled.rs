//! A compiled template whose instructions charge for what they make.
//!
//! minijinja's compiler makes a flat list of instructions; this goes through it once, puts filters of ours before or
//! behind those that need one and moves the jumps accordingly. Rewriting the source instead needs a grammar of our own,
//! and wrapping values does not reach operators. The price is minijinja's `unstable_machinery`, hence its pinned version.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::machinery::{self, CompiledTemplate, Instruction, Instructions, TemplateConfig};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use self_cell::self_cell;

use super::source::{self, UNFOLDED};

const NAME: &str = "chat_template";

/// Text longer than this is charged each time it is printed; shorter text is bounded by the fuel.
const LONG_TEXT: usize = 32;

/// What every dict of Python has, so that a key of that name is found by subscript only.
const METHODS: [&str; 11] =
    ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

/// A namespace fills up after it was weighed, so its attributes are counted.
const ATTRIBUTES: usize = 100;

/// What makes a list grow or shrink.
const GROWING: [&str; 5] = ["append", "extend", "insert", "pop", "remove"];

/// Tests that take no time, whatever they are asked about.
const CHEAP: [&str; 11] =
    ["defined", "undefined", "none", "string", "mapping", "sequence", "number", "boolean", "true", "false", "callable"];

self_cell!(
    struct Cell {
        owner: String,
        #[covariant]
        dependent: CompiledTemplate,
    }
);

/// A compiled template with its source.
#[derive(Clone)]
pub(in super::super) struct Compiled(Arc<Cell>);

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compiled").finish_non_exhaustive()
    }
}

impl Compiled {
    pub(in super::super) fn new(source: &str, syntax: &SyntaxConfig) -> Result<Self, Error> {
        let source = source::prepared(source, syntax)?;
        let config =
            TemplateConfig { syntax_config: syntax.clone(), default_auto_escape: Arc::new(|_| AutoEscape::None) };
        let cell = Cell::try_new(source, |source| CompiledTemplate::new(NAME, source, &config).and_then(charging));
        Ok(Self(Arc::new(cell?)))
    }

    pub(in super::super) fn render(&self, environment: &Environment<'_>, variables: Value) -> Result<String, Error> {
        let compiled = self.0.borrow_dependent();
        let mut text = String::with_capacity(compiled.buffer_size_hint);
        let mut out = machinery::make_string_output(&mut text);
        let (instructions, blocks) = (&compiled.instructions, &compiled.blocks);
        machinery::eval(environment, instructions, variables, blocks, &mut out, AutoEscape::None)?;
        Ok(text)
    }
}

fn charging(mut compiled: CompiledTemplate<'_>) -> Result<CompiledTemplate<'_>, Error> {
    let refused = |what: &'static str| Err(Error::new(ErrorKind::SyntaxError, what));
    let (mut grows, mut attributes, mut blocks) = (false, BTreeSet::new(), BTreeSet::new());
    for one in compiled.blocks.values().chain([&compiled.instructions]).flat_map(all) {
        match one {
            Instruction::CallMethod(name, _) => grows |= GROWING.contains(name),
            Instruction::SetAttr(name) => drop(attributes.insert(*name)),
            // A block is called where it stands. One that calls itself would overflow the stack.
            Instruction::CallBlock(name) if !blocks.insert(*name) => return refused("blocks cannot be called by name"),
            _ => {}
        }
    }
    if attributes.len() > ATTRIBUTES {
        return refused("namespaces have too many attributes");
    }
    for instructions in compiled.blocks.values_mut().chain([&mut compiled.instructions]) {
        *instructions = rewritten(instructions, grows);
    }
    Ok(compiled)
}

fn all<'i, 's>(instructions: &'i Instructions<'s>) -> impl Iterator<Item = &'i Instruction<'s>> {
    (0..).map_while(|at| instructions.get(at))
}

fn rewritten<'s>(old: &Instructions<'s>, grows: bool) -> Instructions<'s> {
    let mut groups: Vec<_> = all(old).map(|one| group(one.clone(), grows)).collect();
    // `a, b = [], []` takes its tuple apart at once.
    for at in 1..groups.len() {
        if let ([Instruction::UnpackList(_)], [Instruction::BuildTuple(_), _]) = (&groups[at][..], &groups[at - 1][..])
        {
            groups[at - 1].truncate(1);
        }
    }
    let mut places: Vec<u32> = Vec::with_capacity(groups.len() + 1);
    let mut next = 0;
    for group in &groups {
        places.push(next);
        next += u32::try_from(group.len()).unwrap_or_default();
    }
    places.push(next);
    let mut new = Instructions::new(old.name(), old.source());
    for (at, group) in (0..).zip(groups) {
        for mut one in group {
            match &mut one {
                Instruction::Jump(to)
                | Instruction::JumpIfFalse(to)
                | Instruction::JumpIfFalseOrPop(to)
                | Instruction::JumpIfTrueOrPop(to)
                | Instruction::Iterate(to)
                | Instruction::BuildMacro(_, to, _) => *to = places.get(*to as usize).copied().unwrap_or(*to),
                _ => {}
            }
            match old.get_span(at) {
                Some(span) => new.add_with_span(one, span),
                None => {
                    new.add_with_line(one, old.get_line(at).map_or(0, |line| u16::try_from(line).unwrap_or(u16::MAX)))
                }
            };
        }
    }
    new
}

/// An instruction with what it needs before and behind it. The filters are in `filters` and `operators`.
fn group(one: Instruction<'_>, grows: bool) -> Vec<Instruction<'_>> {
    use Instruction as I;
    // minijinja keeps filters at hand by number; the highest means that it looks the name up.
    let filter = |name, count| I::ApplyFilter(name, Some(count), u8::MAX);
    let made = || filter("__made", 1);
    let list = || filter(if grows { "__list" } else { "__made" }, 1);
    match one {
        I::EmitRaw(text) if text.len() > LONG_TEXT => vec![I::LoadConst(Value::from(text)), I::Emit],
        // These read as much as their upper operand holds.
        I::GetItem | I::Eq | I::Ne | I::Lt | I::Lte | I::Gt | I::Gte | I::In | I::CompareAndPreserve(_) => {
            vec![filter("__read", 1), one]
        }
        I::PerformTest(name, ..) if !CHEAP.contains(&name) => vec![one, filter("__read", 1)],
        I::PushLoop(_) => vec![filter("__each", 1), one],
        I::SetAttr(_) => vec![I::Swap, filter("__kept", 1), I::Swap, one],
        I::GetAttr(name) if METHODS.contains(&name) => vec![I::LoadConst(Value::from(name)), filter("__member", 2)],
        I::Add => vec![filter("__add", 2)],
        I::Mul => vec![filter("__times", 2)],
        I::Rem => vec![filter("__modulo", 2)],
        I::StringConcat => vec![filter("__concat", 2)],
        I::Slice => vec![filter("__slice", 4)],
        I::LoadConst(ref value) if grows && value.kind() == ValueKind::Seq && !value.is_tuple() => vec![one, list()],
        I::BuildList(_) => vec![one, list()],
        I::ApplyFilter(UNFOLDED, ..) => vec![],
        I::ApplyFilter(..)
        | I::CallFunction(..)
        | I::CallMethod(..)
        | I::CallObject(_)
        | I::EndCapture
        | I::BuildMap(_)
        | I::BuildTuple(_)
        | I::BuildMacro(..) => vec![one, made()],
        _ => vec![one],
    }
}
