//! Few different bodies, so that the same bytes come again and again.

use std::{collections::HashMap, sync::OnceLock};

use bytes::Bytes;

use crate::simulation::dice::Dice;

/// Which body; its bytes follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BodyId {
    seed: u64,
    pub(super) length: usize,
}

/// Bodies up to this size go to packs.
pub(super) const SMALL: usize = 16_384;

const SEEDS: u64 = 3;
const LENGTHS: [usize; 8] = [0, 1, 700, 9_000, 13_000, SMALL, SMALL + 1, 50_000];
/// Longer than one write takes.
const LONG: usize = 400_000;

impl BodyId {
    pub(super) fn any(dice: &mut Dice) -> Self {
        let length = if dice.once_in(25) { LONG } else { *dice.pick(&LENGTHS) };
        let seed = if length == 0 { 0 } else { dice.roll() % SEEDS };
        Self { seed, length }
    }

    /// One for a session, which is in pieces.
    pub(super) fn of_session(dice: &mut Dice) -> Self {
        Self { seed: dice.roll() % SEEDS, length: *dice.pick(&[700, 9_000, 50_000, 50_000]) }
    }

    pub(super) const fn small() -> Self {
        Self { seed: 0, length: 700 }
    }

    pub(super) const fn large() -> Self {
        Self { seed: 0, length: 50_000 }
    }

    pub(super) fn bytes(self) -> Bytes {
        if self.length == 0 { Bytes::new() } else { all().0[&self].clone() }
    }

    /// The body that has these bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self { seed: 0, length: 0 });
        }
        all().1.get(blake3::hash(bytes).as_bytes()).copied()
    }
}

type All = (HashMap<BodyId, Bytes>, HashMap<[u8; 32], BodyId>);

fn all() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = All::default();
        for seed in 0..SEEDS {
            for length in LENGTHS.into_iter().filter(|length| *length > 0).chain([LONG]) {
                let id = BodyId { seed, length };
                let mut dice = Dice::new(seed << 32 | length as u64);
                let words = (0..length.div_ceil(8)).flat_map(|_| dice.roll().to_be_bytes());
                // No byte is 0: what a disk makes of lost sectors must not look like the body.
                let bytes: Bytes = words.map(|byte| byte.max(1)).take(length).collect::<Vec<u8>>().into();
                all.1.insert(*blake3::hash(&bytes).as_bytes(), id);
                all.0.insert(id, bytes);
            }
        }
        all
    })
}
