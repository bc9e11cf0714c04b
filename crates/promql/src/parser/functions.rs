use super::ast::ValueType;
use ValueType::{Matrix, Scalar, String as Text, Vector};

/// The signature of a function.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments.
    pub args: &'static [ValueType],
    /// How often the last argument may be there, if it may also be left out (0: it is there once), or that it may any number of
    /// times (-1).
    pub variadic: i32,
    /// What it gives.
    pub returns: ValueType,
    /// Whether Prometheus has it behind a switch.
    pub experimental: bool,
}

/// The function with a name.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().and_then(|at| FUNCTIONS.get(at))
}

const fn of(name: &'static str, args: &'static [ValueType], variadic: i32, returns: ValueType) -> Function {
    Function { name, args, variadic, returns, experimental: false }
}

const fn new(name: &'static str, args: &'static [ValueType], variadic: i32, returns: ValueType) -> Function {
    Function { name, args, variadic, returns, experimental: true }
}

/// All functions of Prometheus 3.16, in order of their names.
pub const FUNCTIONS: &[Function] = &[
    of("abs", &[Vector], 0, Vector),
    of("absent", &[Vector], 0, Vector),
    of("absent_over_time", &[Matrix], 0, Vector),
    of("acos", &[Vector], 0, Vector),
    of("acosh", &[Vector], 0, Vector),
    of("asin", &[Vector], 0, Vector),
    of("asinh", &[Vector], 0, Vector),
    of("atan", &[Vector], 0, Vector),
    of("atanh", &[Vector], 0, Vector),
    of("avg_over_time", &[Matrix], 0, Vector),
    of("ceil", &[Vector], 0, Vector),
    of("changes", &[Matrix], 0, Vector),
    of("clamp", &[Vector, Scalar, Scalar], 0, Vector),
    of("clamp_max", &[Vector, Scalar], 0, Vector),
    of("clamp_min", &[Vector, Scalar], 0, Vector),
    of("cos", &[Vector], 0, Vector),
    of("cosh", &[Vector], 0, Vector),
    of("count_over_time", &[Matrix], 0, Vector),
    of("day_of_month", &[Vector], 1, Vector),
    of("day_of_week", &[Vector], 1, Vector),
    of("day_of_year", &[Vector], 1, Vector),
    of("days_in_month", &[Vector], 1, Vector),
    of("deg", &[Vector], 0, Vector),
    of("delta", &[Matrix], 0, Vector),
    of("deriv", &[Matrix], 0, Vector),
    new("double_exponential_smoothing", &[Matrix, Scalar, Scalar], 0, Vector),
    new("end", &[], 0, Scalar),
    of("exp", &[Vector], 0, Vector),
    new("first_over_time", &[Matrix], 0, Vector),
    of("floor", &[Vector], 0, Vector),
    of("histogram_avg", &[Vector], 0, Vector),
    of("histogram_count", &[Vector], 0, Vector),
    of("histogram_fraction", &[Scalar, Scalar, Vector], 0, Vector),
    of("histogram_quantile", &[Scalar, Vector], 0, Vector),
    new("histogram_quantiles", &[Vector, Text, Scalar, Scalar], 9, Vector),
    of("histogram_stddev", &[Vector], 0, Vector),
    of("histogram_stdvar", &[Vector], 0, Vector),
    of("histogram_sum", &[Vector], 0, Vector),
    of("hour", &[Vector], 1, Vector),
    of("idelta", &[Matrix], 0, Vector),
    of("increase", &[Matrix], 0, Vector),
    new("info", &[Vector, Vector], 1, Vector),
    new("integral", &[Matrix, Scalar], 1, Vector),
    of("irate", &[Matrix], 0, Vector),
    of("label_join", &[Vector, Text, Text, Text], -1, Vector),
    of("label_replace", &[Vector, Text, Text, Text, Text], 0, Vector),
    of("last_over_time", &[Matrix], 0, Vector),
    of("ln", &[Vector], 0, Vector),
    of("log10", &[Vector], 0, Vector),
    of("log2", &[Vector], 0, Vector),
    new("mad_over_time", &[Matrix], 0, Vector),
    new("max_of", &[Scalar, Scalar], 0, Scalar),
    of("max_over_time", &[Matrix], 0, Vector),
    new("min_of", &[Scalar, Scalar], 0, Scalar),
    of("min_over_time", &[Matrix], 0, Vector),
    of("minute", &[Vector], 1, Vector),
    of("month", &[Vector], 1, Vector),
    of("pi", &[], 0, Scalar),
    of("predict_linear", &[Matrix, Scalar], 0, Vector),
    of("present_over_time", &[Matrix], 0, Vector),
    of("quantile_over_time", &[Scalar, Matrix], 0, Vector),
    of("rad", &[Vector], 0, Vector),
    new("range", &[], 0, Scalar),
    of("rate", &[Matrix], 0, Vector),
    of("resets", &[Matrix], 0, Vector),
    of("round", &[Vector, Scalar], 1, Vector),
    of("scalar", &[Vector], 0, Scalar),
    of("sgn", &[Vector], 0, Vector),
    of("sin", &[Vector], 0, Vector),
    of("sinh", &[Vector], 0, Vector),
    of("sort", &[Vector], 0, Vector),
    new("sort_by_label", &[Vector, Text], -1, Vector),
    new("sort_by_label_desc", &[Vector, Text], -1, Vector),
    of("sort_desc", &[Vector], 0, Vector),
    of("sqrt", &[Vector], 0, Vector),
    new("start", &[], 0, Scalar),
    new("start_timestamp", &[Vector], 0, Vector),
    of("stddev_over_time", &[Matrix], 0, Vector),
    of("stdvar_over_time", &[Matrix], 0, Vector),
    new("step", &[], 0, Scalar),
    of("sum_over_time", &[Matrix], 0, Vector),
    of("tan", &[Vector], 0, Vector),
    of("tanh", &[Vector], 0, Vector),
    of("time", &[], 0, Scalar),
    of("timestamp", &[Vector], 0, Vector),
    new("ts_of_first_over_time", &[Matrix], 0, Vector),
    new("ts_of_last_over_time", &[Matrix], 0, Vector),
    new("ts_of_max_over_time", &[Matrix], 0, Vector),
    new("ts_of_min_over_time", &[Matrix], 0, Vector),
    of("vector", &[Scalar], 0, Vector),
    of("year", &[Vector], 1, Vector),
];

impl Function {
    /// How many arguments it needs at least, and takes at most (none: any number).
    pub(crate) fn arity(&self) -> (usize, Option<usize>) {
        let all = self.args.len();
        match self.variadic {
            0 => (all, Some(all)),
            more if more > 0 => (all - 1, Some(all - 1 + more.unsigned_abs() as usize)),
            _ => (all - 1, None),
        }
    }

    /// The type of one of its arguments.
    pub(crate) fn argument(&self, at: usize) -> Option<ValueType> {
        self.args.get(at.min(self.args.len().saturating_sub(1))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_in_order_so_that_all_are_found() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
        assert!(function("rate").is_some());
        assert!(function("rates").is_none());
    }
}
