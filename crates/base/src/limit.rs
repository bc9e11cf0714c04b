/// A bound with a name. What exceeds it is refused with [`Exceeded`] and counted in
/// `steadfast_limit_exceeded_total{limit=name}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    name: &'static str,
    max: u64,
}

/// Something was larger than its limit allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{got} exceeds the limit {name} = {max}")]
pub struct Exceeded {
    /// The limit's name, as the documentation and the metric have it.
    pub name: &'static str,
    /// What the limit allows.
    pub max: u64,
    /// What was asked for.
    pub got: u64,
}

impl Limit {
    /// A limit that lets `max` and less through.
    pub const fn new(name: &'static str, max: u64) -> Self {
        Self { name, max }
    }

    /// The limit's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The greatest value that it lets through.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Lets `got` through if it is not above the limit.
    ///
    /// # Errors
    /// [`Exceeded`], which names the limit; the refusal is counted.
    pub fn check(&self, got: u64) -> Result<(), Exceeded> {
        if got <= self.max {
            return Ok(());
        }
        metrics::counter!("steadfast_limit_exceeded_total", "limit" => self.name).increment(1);
        Err(Exceeded { name: self.name, max: self.max, got })
    }
}
