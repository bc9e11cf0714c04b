//! The table store: rows of the logs in memory and in Parquet files, under one version.
//!
//! Records of the logs become rows of tables ([`tables`]). They are kept in memory until a flush
//! writes them to sorted Parquet files; one commit of the manifest then adds the files, moves the
//! offsets from which the logs are replayed, and lets the rows in memory go. A [`Snapshot`] pins
//! one version of all tables, so that a reader sees each row exactly once at any moment.

mod blob;
mod cache;
mod change;
mod commit;
mod compact;
mod config;
mod damage;
mod days;
mod doubts;
mod early;
mod entry;
mod error;
mod expire;
mod file;
mod filter;
mod find;
mod flush;
mod footer;
mod garbage;
mod groups;
mod idle;
mod ingest;
mod late;
mod layout;
mod local;
mod lookup;
mod manifest;
mod map;
mod map_pages;
mod memtable;
mod merge;
mod object;
mod output;
mod point_merge;
mod point_pages;
mod point_read;
mod point_sets;
mod points;
mod prune;
mod received;
mod remote;
mod reorder;
mod rows;
mod run;
mod scan;
mod search;
mod series;
mod snapshot;
mod state;
mod store;
mod table;
mod warnings;
mod write;

pub use config::StoreConfig;
pub use days::Days;
pub use entry::FileEntry;
pub use error::StoreError;
pub use filter::{Share, Text, TextSet, TextTest};
pub use local::LocalObjects;
pub use map::{MapKey, is_map_of_texts, value_field, values_of};
pub use point_read::{Point, Proceed};
pub use point_sets::{Make, PointSets};
pub use remote::{S3Config, s3};
pub use scan::ScanOptions;
pub use series::{LabelTest, SeriesIndex, SeriesStatistics, StoredLabels};
pub use snapshot::{Snapshot, TableSnapshot};
pub use store::Store;
pub use table::{TableDef, TableKind, tables};
