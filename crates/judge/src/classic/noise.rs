//! Noise for two constants. The same data give the same noise.

use std::f64::consts::PI;

/// Standard deviation of the noise, as a part of the value.
const PART: f64 = 1e-5;

/// Adds normal noise to each point.
pub(super) fn add(values: &[f64], stream: u64) -> Vec<f64> {
    let seed = values.iter().fold(0xcbf2_9ce4_8422_2325 ^ stream, |hash, value| {
        (hash ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut state = seed;
    values.iter().map(|value| value + PART * value.abs() * normal(&mut state)).collect()
}

/// SplitMix64 (Steele, Lea, Flood, 2014): evenly from 0 (not included) to 1.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 4.0
}

/// Box and Muller's transform.
fn normal(state: &mut u64) -> f64 {
    let (radius, angle) = ((-2.0 * uniform(state).ln()).sqrt(), 2.0 * PI * uniform(state));
    radius * angle.cos()
}
