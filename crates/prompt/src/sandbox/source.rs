//! A template's tokens, read before minijinja compiles them.
//!
//! Three things must happen before its compiler runs. That compiler walks the syntax tree by recursion and counts only
//! brackets, so chains (`x + x + x ..`, `x.a.a ..`, a row of `elif`s) are refused here before they overflow the stack.
//! It evaluates constant operands, so `'x' * 99999999` must not look constant. And it does not know `{% generation %}`,
//! which marks what a model is trained on and prints nothing: a comment trims white space as that tag does. All edits
//! stay on their line, so that errors keep their line numbers.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, ErrorKind};

/// The filter that keeps an operand from being folded. It is never called: `compiled` drops it again.
pub(super) const UNFOLDED: &str = "__unfolded";

/// An expression whose syntax tree is deeper than this would overflow the stack of minijinja's compiler.
const DEEPEST: usize = 400;

/// The same for blocks; each `elif` counts, for it is an `if` inside the last one.
const DEEPEST_BLOCKS: usize = 120;

/// Looking up a longer name takes time that no fuel covers.
const LONGEST_NAME: usize = 1000;

/// minijinja's lexer counts columns up to here.
const LONGEST_LINE: usize = u16::MAX as usize;

/// A source that cannot be a template.
#[derive(Debug, thiserror::Error)]
#[error("{what} in line {line}")]
pub(in super::super) struct Malformed {
    line: u16,
    what: &'static str,
}

/// The tag at hand.
#[derive(Default)]
struct Tag<'s> {
    begin: usize,
    tokens: usize,
    name: &'s str,
    assigns: bool,
    /// For each open bracket how many operators, attributes and calls are chained in it.
    links: Vec<usize>,
}

/// The source as minijinja may compile it. What its lexer cannot read is left for its parser to report.
pub(super) fn prepared(source: &str, syntax: &SyntaxConfig) -> Result<String, Error> {
    let refused = |line, what| Error::new(ErrorKind::SyntaxError, what).with_source(Malformed { line, what });
    if let Some((_, line)) = source.lines().zip(1..).find(|(text, _)| text.len() >= LONGEST_LINE) {
        return Err(refused(line, "a line that is too long"));
    }
    let mut out = String::with_capacity(source.len() + source.len() / 8);
    let mut copied = 0;
    let mut edit = |at: usize, replaced: usize, text: &str| {
        out.extend([&source[copied..at], text]);
        copied = at + replaced;
    };
    let mut tag = Tag::default();
    let mut blocks = Vec::new();
    let mut operand = false;
    for (token, span) in tokenize(source, false, syntax.clone()).map_while(Result::ok) {
        let (begin, end) = (span.start_offset as usize, span.end_offset as usize);
        let refuse = |what| Err(refused(span.start_line, what));
        match token {
            Token::VariableStart | Token::BlockStart => tag = Tag { begin, links: vec![0], ..Tag::default() },
            Token::BlockEnd => {
                if tag.tokens == 1 && matches!(tag.name, "generation" | "endgeneration") {
                    edit(tag.begin + 1, 1, "#");
                    edit(end - 2, 1, "#");
                }
                nest(&mut blocks, &tag);
                if blocks.iter().sum::<usize>() > DEEPEST_BLOCKS {
                    return refuse("blocks that nest too deeply");
                }
            }
            Token::Mul | Token::Plus | Token::Tilde if operand => {
                edit(begin, 0, "|");
                edit(begin, 0, UNFOLDED);
                edit(begin, 0, " ");
            }
            Token::Ident(name) if name.len() > LONGEST_NAME => return refuse("a name that is too long"),
            _ => {}
        }
        operand = tag.read(&token);
        if tag.links.iter().sum::<usize>() > DEEPEST {
            return refuse("an expression that nests too deeply");
        }
    }
    out.push_str(&source[copied..]);
    Ok(out)
}

impl<'s> Tag<'s> {
    /// Counts a token, and tells whether it ends an operand.
    fn read(&mut self, token: &Token<'s>) -> bool {
        let link = |links: &mut Vec<usize>| links.last_mut().into_iter().for_each(|links| *links += 1);
        let operand = match token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => return false,
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                self.links.push(1);
                false
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                // What went on inside ended there; the call or subscript is one more link of the chain outside.
                self.links.pop();
                link(&mut self.links);
                true
            }
            Token::Comma | Token::Colon | Token::Assign => {
                self.assigns |= matches!(token, Token::Assign);
                self.links.last_mut().into_iter().for_each(|links| *links = 0);
                false
            }
            Token::Ident("and" | "or" | "not" | "is" | "in" | "if" | "else") => {
                link(&mut self.links);
                false
            }
            Token::Ident(_) | Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) => {
                true
            }
            _ => {
                link(&mut self.links);
                false
            }
        };
        if let (0, Token::Ident(name)) = (self.tokens, token) {
            self.name = name;
        }
        self.tokens += 1;
        operand
    }
}

/// Keeps count of the open blocks, and of the `elif`s in each.
fn nest(blocks: &mut Vec<usize>, tag: &Tag<'_>) {
    match tag.name {
        "elif" => blocks.last_mut().into_iter().for_each(|links| *links += 1),
        "if" | "for" | "macro" | "call" | "filter" | "with" | "block" | "autoescape" => blocks.push(1),
        "set" if !tag.assigns => blocks.push(1),
        name if name.starts_with("end") && name != "endgeneration" => drop(blocks.pop()),
        _ => {}
    }
}
