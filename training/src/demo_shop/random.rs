//! Random numbers that depend on the seed and on what they are for, and on nothing else: not on threads, not on order.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// What the numbers are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Catalogue,
    Customer,
    Prospect,
}

/// The generator of the `index`-th thing of a stream.
pub(super) fn rng(seed: u64, stream: Stream, index: u64) -> Xoshiro256PlusPlus {
    let start = mix(mix(mix(seed) ^ stream as u64) ^ index);
    Xoshiro256PlusPlus::seed_from_u64(start)
}

/// SplitMix64's finaliser: neighbouring inputs give unrelated outputs.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
