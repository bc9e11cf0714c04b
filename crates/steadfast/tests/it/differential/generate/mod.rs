//! Random expressions that are mostly well typed.

mod broken;
mod calls;
mod operators;
mod selectors;

use base::Rng;

/// What is asked next, of data that begin at `start`, in seconds since the epoch.
pub struct Generator<'a> {
    pub rng: &'a Rng,
    pub start: i64,
}

const LABELS: [&str; 9] = ["job", "instance", "code", "le", "version", "n", "nothing", "__name__", r#""a.b""#];
const NUMBERS: [&str; 18] = [
    "0", "1", "-1", "0.5", "2", "10", "1e3", "NaN", "Inf", "-Inf", "0.999", "0x1F", ".5", "1e-7", "1e21", "5m",
    "1h30s", "-0",
];

impl Generator<'_> {
    pub fn below(&self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    fn one<'b>(&self, of: &[&'b str]) -> &'b str {
        of[self.below(of.len() as u64) as usize]
    }

    fn chance(&self, in_of: u64) -> bool {
        self.below(in_of) == 0
    }

    /// Mostly an instant vector; rarely a scalar, a text, samples as they are, or what is no expression.
    pub fn query(&self) -> String {
        match self.below(40) {
            0 | 1 => self.scalar(2),
            2 => self.text().to_owned(),
            3 => self.range(2),
            4 => format!("({})", self.vector(2)),
            5 | 6 => self.broken(),
            _ => self.vector(3),
        }
    }

    fn text(&self) -> &'static str {
        const TEXTS: [&str; 5] = [r#""a""#, r#"'it\'s \u00fc'"#, r"`raw \n`", r#""""#, r#""\x41\101\n""#];
        self.one(&TEXTS)
    }

    fn scalar(&self, depth: u64) -> String {
        let smaller = || self.scalar(depth.saturating_sub(1));
        match self.below(if depth == 0 { 3 } else { 8 }) {
            0 | 1 => self.one(&NUMBERS).to_owned(),
            2 => format!("{}()", self.one(&["time", "pi", "start", "end", "step", "range"])),
            3 => format!("scalar({})", self.vector(depth - 1)),
            4 => format!("{}({})", self.one(&["-", "+"]), smaller()),
            5 => format!("{}({}, {})", self.one(&["min_of", "max_of"]), smaller(), smaller()),
            6 => format!("({} {} bool {})", smaller(), self.one(&operators::COMPARISONS), smaller()),
            _ => format!("({} {} {})", smaller(), self.one(&operators::ARITHMETIC), smaller()),
        }
    }

    fn vector(&self, depth: u64) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.below(22) {
            0 | 1 => self.selector(),
            2..=5 => self.of_range(depth),
            6..=8 => self.of_values(depth),
            9..=11 => self.aggregation(depth),
            12 => format!("{}{}", self.one(&["-", "+"]), self.vector(depth - 1)),
            13 => format!("vector({})", self.scalar(depth - 1)),
            14 => self.with_scalar(depth),
            15 | 16 => self.of_histograms(depth),
            17 => self.of_labels(depth),
            18 => self.of_info(depth),
            _ => self.binary(depth),
        }
    }

    fn labels(&self) -> String {
        (0..self.below(3)).map(|_| self.one(&LABELS)).collect::<Vec<_>>().join(", ")
    }
}
