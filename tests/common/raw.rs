//! Engines without the token loop: tokens in, logits out.

use callwright::infer::backend::{Batch, Entry};
use callwright::infer::{Backend, Token};

/// The likeliest token.
pub fn likeliest(logits: &[f32]) -> Token {
    let best = logits.iter().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.map(|(token, _)| Token::try_from(token).expect("few")).expect("there are logits")
}

/// Computes tokens that follow `from` others, and gives the logits after each.
pub fn compute(backend: &mut dyn Backend, sequence: u32, from: usize, tokens: &[Token]) -> Vec<Vec<f32>> {
    together(backend, &[(sequence, from, tokens)])
}

/// Computes tokens of several sequences in one batch, token by token in turn.
pub fn together(backend: &mut dyn Backend, parts: &[(u32, usize, &[Token])]) -> Vec<Vec<f32>> {
    let mut batch = Batch::default();
    for (sequence, from, tokens) in parts {
        for (position, token) in (*from..).zip(*tokens) {
            batch.push(Entry { token: *token, position, sequence: *sequence, logits: true });
        }
    }
    let logits = backend.decode(&batch).expect("it is computed");
    logits.rows().iter().map(|row| row.to_vec()).collect()
}

/// Goes on with the likeliest token so many times.
pub fn greedy(backend: &mut dyn Backend, sequence: u32, prompt: &[Token], count: usize) -> Vec<Token> {
    let mut tokens = prompt.to_vec();
    let mut done = 0;
    while tokens.len() < prompt.len() + count {
        let logits = compute(backend, sequence, done, &tokens[done..]);
        done = tokens.len();
        tokens.push(likeliest(logits.last().expect("a row for each token")));
    }
    tokens.split_off(prompt.len())
}

/// The largest difference of two rows.
pub fn distance(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}
