//! What each column of the Parquet files in a folder takes, all files together:
//! `cargo run -p store --example file_columns -- DIRECTORY`.

#![allow(clippy::print_stdout, reason = "a tool prints")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

#[derive(Default)]
struct Column {
    compressed: i64,
    plain: i64,
    encodings: BTreeSet<String>,
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("which folder?")?;
    let (mut found, mut columns) = (Vec::new(), BTreeMap::<String, Column>::new());
    files(Path::new(&directory), &mut found)?;
    let (mut rows, mut bytes) = (0, 0);
    for path in &found {
        bytes += path.metadata()?.len();
        let reader = SerializedFileReader::new(File::open(path)?)?;
        for group in reader.metadata().row_groups() {
            rows += group.num_rows();
            for chunk in group.columns() {
                let column = columns.entry(chunk.column_path().string()).or_default();
                column.compressed += chunk.compressed_size();
                column.plain += chunk.uncompressed_size();
                column.encodings.extend(chunk.encodings().map(|encoding| encoding.to_string()));
            }
        }
    }
    let per_row = |bytes: i64| bytes as f64 / rows.max(1) as f64;
    println!("{} files, {rows} rows, {bytes} bytes, {:.3} bytes a row", found.len(), per_row(bytes as i64));
    for (name, column) in &columns {
        let (compressed, plain) = (per_row(column.compressed), per_row(column.plain));
        let encodings: Vec<&str> = column.encodings.iter().map(String::as_str).collect();
        println!("{name:>30} {compressed:8.3} bytes a row, {plain:8.3} before zstd, {}", encodings.join(" "));
    }
    let of_columns: i64 = columns.values().map(|column| column.compressed).sum();
    println!("{:>30} {:8.3} bytes a row", "footers and indexes", per_row(bytes as i64 - of_columns));
    Ok(())
}
