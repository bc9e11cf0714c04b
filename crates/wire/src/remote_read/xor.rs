//! Samples as Prometheus' chunks have them: times by how their distance changes, values by the bits
//! that differ from the one before.
//! <https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md>

/// Samples of one chunk at most, as Prometheus cuts them.
pub const MOST: usize = 120;

/// Writes samples in order of time, of which only the first 65,535 have room: the time in milliseconds
/// since the epoch and the value, whose bits stay as they are.
pub fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let samples = samples.get(..usize::from(u16::MAX)).unwrap_or(samples);
    let mut bits = Bits::default();
    bits.push(samples.len() as u64, 16);
    let (mut before, mut distance, mut window) = ((0_i64, 0_u64), 0_i64, None);
    for (n, (time, value)) in samples.iter().enumerate() {
        let value = value.to_bits();
        let moved = time.wrapping_sub(before.0);
        match n {
            0 => bits.varint((time.wrapping_shl(1) ^ (time >> 63)).cast_unsigned()),
            1 => bits.varint(moved.cast_unsigned()),
            _ => bits.change(moved.wrapping_sub(distance)),
        }
        match n {
            0 => bits.push(value, 64),
            _ => bits.differing(value ^ before.1, &mut window),
        }
        (before, distance) = ((*time, value), if n == 0 { 0 } else { moved });
    }
    bits.out
}

/// Bits, the highest of a byte first.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    /// Bits of the last byte that are free.
    free: u32,
}

impl Bits {
    /// The lowest `count` bits of a number.
    fn push(&mut self, value: u64, mut count: u32) {
        while count > 0 {
            if self.free == 0 {
                self.out.push(0);
                self.free = 8;
            }
            let taken = count.min(self.free);
            let part = (value >> (count - taken)) & ((1 << taken) - 1);
            if let Some(last) = self.out.last_mut() {
                *last |= (part << (self.free - taken)) as u8;
            }
            self.free -= taken;
            count -= taken;
        }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value | 0x80, 8);
            value >>= 7;
        }
        self.push(value, 8);
    }

    /// How much more, or less, time there is between two samples than between those before.
    fn change(&mut self, change: i64) {
        let fits = |bits: u32| (-((1_i64 << (bits - 1)) - 1)..=1 << (bits - 1)).contains(&change);
        let (mark, length, bits) = match change {
            0 => (0, 1, 0),
            _ if fits(14) => (0b10, 2, 14),
            _ if fits(17) => (0b110, 3, 17),
            _ if fits(20) => (0b1110, 4, 20),
            _ => (0b1111, 4, 64),
        };
        self.push(mark, length);
        self.push(change.cast_unsigned(), bits);
    }

    /// The bits in which a value differs; `window` is how many at each end were equal the last time.
    fn differing(&mut self, bits: u64, window: &mut Option<(u32, u32)>) {
        if bits == 0 {
            return self.push(0, 1);
        }
        // Five bits say how many.
        let (leading, trailing) = (bits.leading_zeros().min(31), bits.trailing_zeros());
        match *window {
            Some((before, after)) if leading >= before && trailing >= after => {
                self.push(0b10, 2);
                self.push(bits >> after, 64 - before - after);
            }
            _ => {
                *window = Some((leading, trailing));
                let differing = 64 - leading - trailing;
                self.push(0b11, 2);
                self.push(u64::from(leading), 5);
                // Six bits: 64 is written as 0.
                self.push(u64::from(differing), 6);
                self.push(bits >> trailing, differing);
            }
        }
    }
}
