//! Rewrites a template so that what it does can be counted, and drops the one tag that minijinja does not know.
//!
//! minijinja counts instructions, but one instruction may double a string. So every operand of an expression passes
//! through a filter of ours (`__read`, `__made`) that charges its size to the render's [`Budget`](super::budget), and
//! `*` and `%` become filters too: they grow a text by a number. Lists written in a template whose source grows lists
//! (`x.append(..)`) become lists that can grow. `{% generation %}` marks what a model is trained on and prints
//! nothing. No line is added or removed, so that errors keep their line numbers.
//!
//! Compiled code would be the nicer place for this, but minijinja promises nothing about it between releases.

use super::nesting::{DEEPEST_BLOCKS, nest, place, shallow};
use super::source::{Malformed, Piece, Tag, Token, TokenKind, pieces};

/// Text longer than this is charged each time it is printed; shorter text is bounded by the fuel.
const LONG_TEXT: usize = 96;

/// What every dict of Python has, so that a key of that name is found by subscript only.
const METHODS: [&str; 11] =
    ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

/// The template as minijinja is to compile it.
pub(super) fn metered(source: &str) -> Result<String, Malformed> {
    let pieces = pieces(source)?;
    let grows = [".append(", ".extend(", ".insert(", ".pop(", ".remove("].iter().any(|method| source.contains(method));
    let mut out = String::with_capacity(source.len() * 2);
    let mut blocks = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Text { source, printed } => text(&mut out, source, *printed),
            Piece::Print(tag) => {
                out.push_str(tag.open);
                shallow(source, tag)?;
                Rewriter::new(&tag.tokens, grows).run(0, &mut out);
                out.push_str(tag.close);
            }
            Piece::Block(tag) => {
                shallow(source, tag)?;
                nest(&mut blocks, tag);
                if blocks.iter().sum::<usize>() > DEEPEST_BLOCKS {
                    return Err(Malformed { at: place(source, tag), what: "blocks that nest too deeply" });
                }
                block(&mut out, tag, grows);
            }
        }
    }
    Ok(out)
}

/// Long text gets its charge after its first word's first letter, where no white space control reaches.
fn text(out: &mut String, source: &str, printed: bool) {
    let raw = source.starts_with("{%");
    let inside = if raw { source.find("%}").map_or(0, |at| at + 2) } else { 0 };
    let place = source[inside..].char_indices().find(|(_, c)| !c.is_whitespace() && *c != '{');
    let place = place.map(|(at, c)| inside + at + c.len_utf8());
    let charge = format!("{{{{ __text({}) }}}}", source.len());
    match place {
        Some(at) if printed && source.len() > LONG_TEXT && !source[at..].trim().is_empty() => {
            let charge = if raw { format!("{{% endraw %}}{charge}{{% raw %}}") } else { charge };
            out.extend([&source[..at], &charge, &source[at..]]);
        }
        _ => out.push_str(source),
    }
}

fn block(out: &mut String, tag: &Tag<'_>, grows: bool) {
    let name = tag.name().unwrap_or_default();
    if matches!(name, "generation" | "endgeneration") {
        // A comment trims as the tag would have: `trim_blocks` and `lstrip_blocks` hold for both.
        out.push_str(&tag.open.replace('%', "#"));
        copy(&tag.tokens, out);
        out.push_str(&tag.close.replace('%', "#"));
        return;
    }
    out.push_str(tag.open);
    let rewriter = Rewriter::new(&tag.tokens, grows);
    match head(name, tag) {
        Head::Copied => copy(&tag.tokens, out),
        Head::Expression(from) => rewriter.run(from, out),
        Head::Attribute(from) => {
            copy(&tag.tokens[..from], out);
            out.push_str(" (");
            Rewriter::new(&tag.tokens[from..], grows).run(0, out);
            out.push_str(")|__kept ");
        }
    }
    out.push_str(tag.close);
}

fn copy(tokens: &[Token<'_>], out: &mut String) {
    out.extend(tokens.iter().map(|token| token.text));
}

/// What of a block tag is an expression.
enum Head {
    /// Nothing.
    Copied,
    /// All from this token on.
    Expression(usize),
    /// All from this token on, and it is stored in a namespace.
    Attribute(usize),
}

fn head(name: &str, tag: &Tag<'_>) -> Head {
    let after = |word: &str| tag.tokens.iter().position(|token| token.text == word).map_or(usize::MAX, |at| at + 1);
    let first = after(name);
    match name {
        "if" | "elif" | "with" | "macro" | "call" | "do" => Head::Expression(first),
        "for" => Head::Expression(after("in")),
        "set" => match after("=") {
            usize::MAX => Head::Copied,
            from if tag.tokens[..from].iter().any(|token| token.text == ".") => Head::Attribute(from),
            from => Head::Expression(from),
        },
        _ => Head::Copied,
    }
}

/// What is known of the sum and the product at hand.
#[derive(Debug, Clone, Copy, Default)]
struct Term {
    /// Where the product begins in the output.
    start: usize,
    /// Brackets to close where its current factor ends.
    pending: usize,
    /// The next operand is a test's argument, which takes no filter.
    bare: bool,
    /// The sum began with a text marked as safe.
    safe: bool,
}

/// An open bracket.
struct Open {
    /// `(`, `[` or `{`.
    bracket: char,
    /// It belongs to an operand before it: a call or a subscript.
    continues: bool,
    /// It holds the names of a macro's parameters.
    parameters: bool,
    /// Where the operand that it belongs to or opens begins in the output.
    operand: usize,
    /// The state outside.
    term: Term,
}

/// What the expression is for, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A value.
    Value,
    /// `{% call f() %}` wants the call itself.
    Call,
    /// `{% for x in .. %}` ends with what it runs over.
    Loop,
    /// `{% macro f(a, b=1) %}` begins with names.
    Macro,
}

struct Rewriter<'t, 's> {
    tokens: &'t [Token<'s>],
    grows: bool,
    purpose: Purpose,
    open: Vec<Open>,
    /// Where the current operand begins in the output.
    operand: usize,
    term: Term,
}

impl<'t, 's> Rewriter<'t, 's> {
    fn new(tokens: &'t [Token<'s>], grows: bool) -> Self {
        Self { tokens, grows, purpose: Purpose::Value, open: Vec::new(), operand: 0, term: Term::default() }
    }

    /// Writes the tokens, those from a place on as an expression.
    fn run(mut self, from: usize, out: &mut String) {
        let (head, _) = self.tokens.split_at(from.min(self.tokens.len()));
        copy(head, out);
        self.purpose = match head.iter().find(|token| token.kind == TokenKind::Name).map(|token| token.text) {
            Some("call" | "do") => Purpose::Call,
            Some("for") => Purpose::Loop,
            Some("macro") => Purpose::Macro,
            _ => Purpose::Value,
        };
        self.term.start = out.len();
        for at in head.len()..self.tokens.len() {
            let token = self.tokens[at];
            match token.kind {
                TokenKind::Space => out.push_str(token.text),
                TokenKind::Name => self.name(at, out),
                TokenKind::Number | TokenKind::String => {
                    self.begin(at, out);
                    out.push_str(token.text);
                    self.end(at, "", out);
                }
                TokenKind::Operator => self.operator(at, out),
            }
        }
    }

    fn before(&self, at: usize) -> &'s str {
        self.tokens[..at].iter().rev().find(|token| token.kind != TokenKind::Space).map_or("", |token| token.text)
    }

    fn after(&self, at: usize) -> &'s str {
        let next = self.tokens.get(at + 1..).and_then(|rest| rest.iter().find(|token| token.kind != TokenKind::Space));
        next.map_or("", |token| token.text)
    }

    /// Remembers where an operand begins, unless the token goes on with one.
    fn begin(&mut self, at: usize, out: &str) {
        if !matches!(self.before(at), "." | "|") {
            self.operand = out.len();
        }
    }

    fn name(&mut self, at: usize, out: &mut String) {
        let (text, before, after) = (self.tokens[at].text, self.before(at), self.after(at));
        let tested = before == "is" || (before == "not" && self.tested_before(at));
        if before == "." && after != "(" && METHODS.contains(&text) {
            // `schema.items` is a dict's method in Python, whatever keys the dict has.
            out.truncate(out.trim_end_matches([' ', '.', '\n']).len());
            out.insert(self.operand, '(');
            out.push_str("|__member('");
            out.push_str(text);
            out.push_str("'))");
            self.end(at, "__read", out);
        } else if matches!(before, "." | "|") {
            out.push_str(text);
            self.end(at, if before == "." { "__read" } else { "__made" }, out);
        } else if tested && text != "not" {
            out.push_str(text);
            self.term.bare =
                !matches!(after, "(" | "" | "and" | "or" | "is" | "if" | "else" | ")" | "]" | "}" | "," | "|");
            if after != "(" {
                self.close_factor(after, out);
            }
        } else if matches!(text, "and" | "or" | "not" | "in" | "is" | "if" | "else" | "recursive") {
            out.push_str(text);
            if text != "is" && (text, before) != ("not", "is") {
                self.term = Term { start: out.len(), pending: self.term.pending, ..Term::default() };
            }
        } else {
            self.begin(at, out);
            out.push_str(text);
            let constant = matches!(text, "true" | "false" | "none" | "True" | "False" | "None");
            let keyword =
                after == "=" && (self.open.last().is_some_and(|open| open.bracket == '(') || self.open.is_empty());
            let parameter = self.open.last().is_some_and(|open| open.parameters) && matches!(before, "(" | ",");
            if !keyword && !parameter {
                self.end(at, if constant { "" } else { "__read" }, out);
            }
        }
    }

    /// Whether the `not` before this place belongs to `is not`.
    fn tested_before(&self, at: usize) -> bool {
        let mut words = self.tokens[..at].iter().rev().filter(|token| token.kind != TokenKind::Space);
        words.next();
        words.next().is_some_and(|token| token.text == "is")
    }

    fn operator(&mut self, at: usize, out: &mut String) {
        let text = self.tokens[at].text;
        match text {
            "(" | "[" | "{" => self.bracket(at, out),
            ")" | "]" | "}" => self.unbracket(at, out),
            "*" | "%" if ends_operand(self.before(at), &self.tokens[..at]) => {
                out.insert(self.term.start, '(');
                out.push_str(if text == "*" { ")|__times(" } else { ")|__modulo(" });
                self.term.pending += 1;
            }
            "." | "|" | "**" | "*" | "%" | "/" | "//" => out.push_str(text),
            "-" | "+" if !ends_operand(self.before(at), &self.tokens[..at]) => out.push_str(text),
            _ => {
                out.push_str(text);
                let safe = self.term.safe && text == "+";
                self.term = Term { start: out.len(), bare: false, safe, ..self.term };
            }
        }
    }

    fn bracket(&mut self, at: usize, out: &mut String) {
        let bracket = self.tokens[at].text.chars().next().unwrap_or('(');
        let continues = bracket != '{' && ends_operand(self.before(at), &self.tokens[..at]);
        let names = matches!(self.purpose, Purpose::Macro | Purpose::Call);
        let parameters = names && self.open.is_empty() && !self.tokens[..at].iter().any(|token| token.text == "(");
        if !continues {
            self.operand = out.len();
        }
        out.push(bracket);
        self.open.push(Open { bracket, continues, parameters, operand: self.operand, term: self.term });
        self.term = Term { start: out.len(), ..Term::default() };
    }

    fn unbracket(&mut self, at: usize, out: &mut String) {
        let closing = self.tokens[at].text;
        out.push_str(closing);
        let Some(open) = self.open.pop() else { return };
        (self.term, self.operand) = (open.term, open.operand);
        let filter = match (open.bracket, open.continues) {
            _ if open.parameters => return,
            ('[', false) if self.grows => "__list",
            ('[', true) => "__read",
            _ => "__made",
        };
        self.end(at, filter, out);
    }

    /// An operand ends here unless it goes on; then it is charged, and the factor is closed.
    fn end(&mut self, at: usize, filter: &str, out: &mut String) {
        let after = self.after(at);
        if matches!(after, "(" | "[" | ".") {
            return;
        }
        let statement = self.purpose == Purpose::Call && self.open.is_empty() && after.is_empty();
        let each = self.purpose == Purpose::Loop && self.open.is_empty() && matches!(after, "" | "if" | "recursive");
        let filter = if each { "__each" } else { filter };
        if !filter.is_empty() && !self.term.bare && !statement {
            out.push('|');
            out.push_str(filter);
        }
        let marked = self.tokens[at].text == "safe" && self.before(at) == "|";
        if self.term.safe && !marked && !self.term.bare && !matches!(after, "|" | "**" | "*" | "%") {
            out.push_str("|__escaped");
        }
        self.term.safe |= marked && after == "+";
        let written = match after {
            "~" => true,
            "|" | "*" | "%" | "**" | "/" | "//" => false,
            _ => self.term.pending == 0 && self.before_operand(out) == Some('~'),
        };
        let bare = self.term.bare;
        self.close_factor(after, out);
        if written && !bare {
            out.push_str("|__written");
        }
    }

    fn close_factor(&mut self, after: &str, out: &mut String) {
        if !matches!(after, "|" | "**" | "is") && self.term.pending > 0 {
            out.extend(std::iter::repeat_n(')', self.term.pending));
            self.term.pending = 0;
        }
    }

    fn before_operand(&self, out: &str) -> Option<char> {
        out.get(..self.operand)?.trim_end().chars().next_back()
    }
}

/// Whether a token ends an operand, so that what follows is an operator, a call or a subscript.
fn ends_operand(text: &str, before: &[Token<'_>]) -> bool {
    let kind = before.iter().rev().find(|token| token.kind != TokenKind::Space).map(|token| token.kind);
    match kind {
        Some(TokenKind::Name) => !matches!(text, "and" | "or" | "not" | "in" | "is" | "if" | "else" | "elif"),
        Some(TokenKind::Number | TokenKind::String) => true,
        _ => matches!(text, ")" | "]" | "}"),
    }
}
