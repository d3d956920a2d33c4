//! Parts of a run, for several machines.

use std::num::NonZeroU32;
use std::str::FromStr;

use crate::check::snapshot::fingerprint;

/// One of several parts of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 1.
    index: u32,
    count: NonZeroU32,
}

/// A text that names no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part; write for example `1/3`, `2/3` and `3/3`")]
pub struct ShardError(String);

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(given: &str) -> Result<Self, ShardError> {
        let wrong = || ShardError(given.to_owned());
        let (index, count) = given.split_once('/').ok_or_else(wrong)?;
        let index: u32 = index.parse().map_err(|_| wrong())?;
        let count: NonZeroU32 = count.parse().map_err(|_| wrong())?;
        if index == 0 || index > count.get() {
            return Err(wrong());
        }
        Ok(Self { index, count })
    }
}

impl Shard {
    /// Is the case of this id in the part? Other cases have no say in it.
    pub fn has(self, id: &str) -> bool {
        fingerprint(id) % self.count == self.index - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_in_one_part() {
        let parts: Vec<Shard> = (1..=3).map(|i| format!("{i}/3").parse().unwrap()).collect();
        for n in 0..100 {
            let id = format!("area/case[n={n}]");
            assert_eq!(parts.iter().filter(|part| part.has(&id)).count(), 1, "{id}");
        }
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
