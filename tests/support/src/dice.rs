//! Numbers that look random and are the same each time.

/// A source of such numbers.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below this one.
    pub fn below(&mut self, sides: usize) -> usize {
        usize::try_from((self.bits() >> 11) % sides as u64).unwrap()
    }

    /// One of these.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// A number from -1 to 1.
    pub fn share(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32 * 2.0 - 1.0
    }
}
