//! SplitMix64 (Steele, Lea & Flood 2014, Fast Splittable Pseudorandom Number Generators): numbers that depend on what they are for alone, and so
//! neither on threads nor on order.

/// What the sequence advances by.
pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number after a state. Neighbouring states give unrelated numbers.
pub(crate) fn split_mix(state: u64) -> u64 {
    let z = state.wrapping_add(STEP);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_from_0_are_those_published() {
        assert_eq!([split_mix(0), split_mix(STEP)], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }
}
