//! Random numbers that depend on the seed and on what they are for, and on nothing else: not on threads, not on order.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::split_mix::split_mix;

/// What the numbers are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Catalogue,
    Customer,
    Prospect,
    Campaign,
}

/// The generator of the `index`-th thing of a stream.
pub(super) fn rng(seed: u64, stream: Stream, index: u64) -> Xoshiro256PlusPlus {
    let start = split_mix(split_mix(split_mix(seed) ^ stream as u64) ^ index);
    Xoshiro256PlusPlus::seed_from_u64(start)
}
