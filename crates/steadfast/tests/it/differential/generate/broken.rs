//! What is mostly no expression.

use super::Generator;

/// Pieces to put where they do not belong.
const PIECES: [&str; 32] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    " by ",
    " on (job) ",
    " offset ",
    " @ ",
    "5m",
    "1",
    "bool ",
    "sum",
    "rate",
    "=~",
    "!",
    "\"",
    "'",
    ":",
    " and ",
    "#",
    "@ start()",
    "[5m:",
    " group_left ",
    "\u{fc}",
    "$",
    " ignoring ",
    "-",
    "smoothed",
    " fill ",
];
/// Well formed, but of the wrong types or numbers.
const ILL_TYPED: [&str; 30] = [
    "rate(fz_whole)",
    "sum(1)",
    "abs(fz_whole[5m])",
    "sum(fz_whole[5m])",
    "fz_whole[5m] + 1",
    "1 == 2",
    "1 and 2",
    "fz_whole and 2",
    "fz_whole + bool 1",
    "topk(fz_whole)",
    "topk(fz_whole, fz_whole)",
    "quantile(\"a\", fz_whole)",
    "count_values(1, fz_whole)",
    "label_replace(fz_whole, \"a\", \"b\")",
    "vector(fz_whole)",
    "scalar(1)",
    "time(1)",
    "clamp(fz_whole, 1)",
    "histogram_quantile(fz_whole, 1)",
    "fz_whole + on (job) group_left (job) fz_whole",
    "fz_whole and on (job) group_left () fz_whole",
    "nothing_known(fz_whole)",
    "fz_whole[5m][5m]",
    "(fz_whole)[5m]",
    "fz_whole[5m:1m][5m]",
    "fz_whole offset 1m offset 2m",
    "fz_whole @ 1 @ 2",
    "sum by (job) (fz_whole) without (job)",
    "-\"a\"",
    "fz_whole{job=\"a\"}{job=\"b\"}",
];

impl Generator<'_> {
    /// An expression with something in it that should not be there, or without something that should.
    pub(super) fn broken(&self) -> String {
        if self.chance(3) {
            return self.one(&ILL_TYPED).to_owned();
        }
        let mut signs: Vec<char> = self.vector(2).chars().collect();
        let at = self.below(signs.len() as u64) as usize;
        match self.below(4) {
            0 => signs.truncate(at),
            1 => {
                let until = signs.len().min(at + 1 + self.below(4) as usize);
                drop(signs.drain(at..until));
            }
            2 => {
                let other = self.below(signs.len() as u64) as usize;
                signs.swap(at, other);
            }
            _ => {
                let piece = self.one(&PIECES).chars();
                drop(signs.splice(at..at, piece));
            }
        }
        signs.into_iter().collect()
    }
}
