//! Chance, out of a seed.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::Fault;

/// One of several faults, by chance.
///
/// What is chosen depends on the script's seed, the reply's place in the script and how often it
/// was given, and on nothing else: see [`Builder::seed`](crate::Builder::seed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    /// The faults to choose from.
    pub of: Vec<Fault>,
    /// How often there is a fault at all, of a hundred times.
    pub percent: u8,
}

/// A generator of numbers: splitmix64, which is small, and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for one purpose out of several that share a seed.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut dice = Self(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound that is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        // Smaller than the bound, which is a usize.
        usize::try_from(self.next() % bound).unwrap_or(0)
    }
}

/// A seed that nobody gave.
pub(crate) fn own_seed() -> u64 {
    // Each state has keys of its own, which come from the operating system. Short enough to type.
    RandomState::new().build_hasher().finish() % 1_000_000_000
}

impl Random {
    /// Which fault happens the `given`th time (from 0) that reply `reply` (from 0) is given.
    pub(crate) fn choose(&self, seed: u64, reply: usize, given: u64) -> Option<usize> {
        let purpose = given.wrapping_mul(0x1_0000_01B3) ^ (reply as u64);
        let mut dice = Dice::new(seed, purpose);
        (dice.below(100) < usize::from(self.percent)).then(|| dice.below(self.of.len()))
    }
}
