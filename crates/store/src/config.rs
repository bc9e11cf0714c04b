use std::collections::BTreeMap;
use std::time::Duration;

use model::rows::Series;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::table::{TableDef, tables};
use crate::{S3Config, StoreError};

/// Settings of the store; each has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// A bucket where files, manifests and checkpoints are; without it, they are in `store` below
    /// `data_dir`.
    pub s3: Option<S3Config>,
    /// Rows in memory are written to files when they take more bytes than this.
    pub flush_bytes: usize,
    /// They are written when the oldest is older than this.
    #[serde(with = "base::duration")]
    pub flush_after: Duration,
    /// The logs are not read on while rows in memory, those being written included, take more.
    pub memory_bytes: usize,
    /// Size at which a file is ended and the next one begun.
    pub target_file_bytes: usize,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// zstd level of files.
    pub zstd_level: i32,
    /// Files of about one size in a time bucket that make a compaction.
    pub compaction_files: usize,
    /// Sorted inputs that one compaction merges at most.
    pub compaction_inputs: usize,
    /// Bytes of decoded input that one compaction holds.
    pub compaction_memory_bytes: usize,
    /// A sorted run of a time bucket that is larger is not merged again.
    pub compaction_max_run_bytes: u64,
    /// Bytes of file footers and indexes that are kept decoded.
    pub metadata_cache_bytes: usize,
    /// Time between two looks for compactions, expired files and garbage.
    #[serde(with = "base::duration")]
    pub maintenance: Duration,
    /// A series that was not announced for so long, since it has no samples, leaves memory and is
    /// found in files. At least `2h`.
    #[serde(with = "base::duration")]
    pub series_idle: Duration,
    /// How long a file stays after the last version that names it.
    #[serde(with = "base::duration")]
    pub grace: Duration,
    /// A file is removed after no version was seen to name it for so long, or for an hour if it is so old.
    #[serde(with = "base::duration")]
    pub orphans_after: Duration,
    /// Versions of the manifest that are kept at least.
    pub keep_versions: u64,
    /// How long rows of a table are kept, by table: a duration or `forever`. Tables that are not
    /// named have their own default, see [`tables`].
    #[serde(deserialize_with = "retention")]
    pub retention: BTreeMap<String, Option<Duration>>,
    /// Goes on from the log's start if records that the store does not have are gone from it.
    pub accept_log_gap: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            s3: None,
            flush_bytes: 64 << 20,
            flush_after: Duration::from_secs(60),
            memory_bytes: 256 << 20,
            target_file_bytes: 64 << 20,
            row_group_rows: 128 << 10,
            zstd_level: 1,
            compaction_files: 4,
            compaction_inputs: 16,
            compaction_memory_bytes: 64 << 20,
            compaction_max_run_bytes: 512 << 20,
            metadata_cache_bytes: 32 << 20,
            maintenance: Duration::from_secs(10),
            series_idle: Duration::from_secs(3 * 3_600),
            grace: Duration::from_secs(900),
            orphans_after: Duration::from_secs(86_400),
            keep_versions: 4,
            retention: BTreeMap::new(),
            accept_log_gap: false,
        }
    }
}

impl StoreConfig {
    /// Finds settings that make no sense.
    ///
    /// # Errors
    /// [`StoreError::Config`], which names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        self.s3.as_ref().map_or(Ok(()), S3Config::check)?;
        let at_least = |field, got: u64, min: u64| match got >= min {
            true => Ok(()),
            false => Err(StoreError::Config { field, problem: format!("{got} is too little: at least {min}") }),
        };
        at_least("flush_bytes", self.flush_bytes as u64, 1)?;
        if self.flush_after.is_zero() || self.maintenance.is_zero() {
            return Err(StoreError::Config {
                field: "flush_after",
                problem: "it and maintenance are above zero".to_owned(),
            });
        }
        if self.series_idle < 2 * Series::ANNOUNCED_EVERY {
            return Err(StoreError::Config { field: "series_idle", problem: "it is at least 2h".to_owned() });
        }
        at_least("memory_bytes", self.memory_bytes as u64, self.flush_bytes as u64)?;
        at_least("target_file_bytes", self.target_file_bytes as u64, 1)?;
        at_least("row_group_rows", self.row_group_rows as u64, 1)?;
        at_least("zstd_level", u64::try_from(self.zstd_level).unwrap_or(0), 1)?;
        at_least("compaction_files", self.compaction_files as u64, 2)?;
        at_least("compaction_inputs", self.compaction_inputs as u64, self.compaction_files as u64)?;
        at_least("compaction_memory_bytes", self.compaction_memory_bytes as u64, 1)?;
        at_least("keep_versions", self.keep_versions, 2)?;
        if self.zstd_level > 22 {
            return Err(StoreError::Config { field: "zstd_level", problem: "at most 22".to_owned() });
        }
        match self.retention.keys().find(|name| tables().iter().all(|table| table.name != name.as_str())) {
            Some(name) => Err(StoreError::Config { field: "retention", problem: format!("no table `{name}`") }),
            None => Ok(()),
        }
    }

    /// How long rows of `table` are kept.
    pub(crate) fn retention(&self, table: &TableDef) -> Option<Duration> {
        self.retention.get(table.name).copied().unwrap_or(table.retention)
    }
}

fn retention<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Option<Duration>>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    let parse = |(table, text): (String, String)| match text.as_str() {
        "forever" => Ok((table, None)),
        text => base::duration::parse(text).map(|kept| (table, Some(kept))).map_err(D::Error::custom),
    };
    texts.into_iter().map(parse).collect()
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        StoreConfig::default().check().unwrap();
        let wrong: StoreConfig = serde_json::from_str(r#"{"retention": {"sampels": "3d"}}"#).unwrap();
        assert!(wrong.check().unwrap_err().to_string().contains("`sampels`"));
        let wrong = StoreConfig { memory_bytes: 1, ..StoreConfig::default() };
        assert!(wrong.check().unwrap_err().to_string().starts_with("store.memory_bytes"));
        let wrong = StoreConfig { series_idle: Duration::from_secs(3_600), ..StoreConfig::default() };
        assert!(wrong.check().unwrap_err().to_string().starts_with("store.series_idle"));
        assert!(serde_json::from_str::<StoreConfig>(r#"{"flush": 1}"#).is_err());
    }

    #[test]
    fn retention_is_the_tables_unless_it_is_configured() {
        let config: StoreConfig =
            serde_json::from_str(r#"{"retention": {"samples": "1d", "logs": "forever"}}"#).unwrap();
        let of = |name| config.retention(tables().iter().find(|table| table.name == name).unwrap());
        assert_eq!(of("samples"), Some(Duration::from_secs(86_400)));
        assert_eq!(of("logs"), None);
        assert!(of("drift_history").is_some());
    }
}
