//! The binary: flags, exit codes, terminal output.

mod args;
mod client;
mod commands;
mod judgement;
mod render;

use std::process::ExitCode;

use clap::Parser;

/// Columns are made and freed in large pieces by many threads: the allocator of glibc keeps what it was given. So does the third
/// version of this one, for a second, and huge pages stay with threads that do nothing: with fifty dashboards twice as much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nothing is wrong.
const FINE: u8 = 0;
/// It could not be done.
const FAILED: u8 = 1;
/// Bytes of stack of a thread, of which only what is used is backed by memory: expressions are evaluated on 16 MiB.
const STACK: usize = 17 << 20;
/// Drift or a failed judgement was found.
const FOUND: u8 = 2;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            // 2 is for what was found, not for what was mistyped.
            return ExitCode::from(if error.use_stderr() { FAILED } else { FINE });
        }
    };
    // Two providers may be linked in; rustls must be told which one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("steadfast: {error}");
            return ExitCode::from(FAILED);
        }
    };
    match runtime.block_on(commands::run(args)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("steadfast: {error}");
            ExitCode::from(FAILED)
        }
    }
}
