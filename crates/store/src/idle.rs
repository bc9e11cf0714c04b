//! Series without samples leave memory.

use crate::Store;

impl Store {
    /// Forgets series that were not announced for `store.series_idle`, once what is known of them
    /// is in files. Gives how many.
    ///
    /// Who writes samples announces their series every [`model::rows::Series::ANNOUNCED_EVERY`], so that
    /// one that has samples is never forgotten.
    pub fn forget_idle_series(&self) -> usize {
        let inner = &self.0;
        let (now, wall) = (inner.clock.monotonic(), inner.clock.now());
        let Some(limit) = now.checked_sub(inner.config.series_idle) else { return 0 };
        let unflushed = inner.state.read().unflushed_since();
        inner.series.forget(unflushed.map_or(limit, |since| since.min(limit)), now, wall)
    }

    /// How long a series is kept in memory after it was announced last.
    pub fn series_idle(&self) -> std::time::Duration {
        self.0.config.series_idle
    }
}
