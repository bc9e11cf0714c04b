//! One binary for all decoders, as most of the time to build them is linking: `FUZZ_TARGET` says which. Without
//! it the names are listed; with `FUZZ_SEEDS` the seeds are written into that folder instead.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;
use std::{env, fs};

use fuzz::{Target, memory, targets};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

/// No input of this size takes as much of a processor.
const SLOW: Duration = Duration::from_secs(4);

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn choose() {
    let Ok(name) = env::var("FUZZ_TARGET") else {
        targets().iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    };
    let target = targets().into_iter().find(|target| target.name == name).expect("FUZZ_TARGET is no decoder");
    if let Ok(folder) = env::var("FUZZ_SEEDS") {
        fs::create_dir_all(&folder).expect("the folder for the seeds");
        for (n, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(format!("{folder}/seed-{n:04}"), seed).expect("a seed");
        }
        std::process::exit(0);
    }
    assert!(CHOSEN.set(target).is_ok());
}

/// The time that this thread has had a processor, as Linux counts it: it does not grow while others have it.
fn worked() -> Duration {
    let counts = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(counts.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fuzz_target!(init: choose(), |data: &[u8]| {
    let target = CHOSEN.get().expect("a chosen target");
    let (before, began) = (memory::begin(), worked());
    (target.run)(data);
    let (took, held) = (worked() - began, memory::most().saturating_sub(before));
    assert!(took < SLOW, "{}: {took:?} for {} bytes", target.name, data.len());
    assert!(held < memory::MUCH, "{}: {held} bytes of memory for {} bytes", target.name, data.len());
});
