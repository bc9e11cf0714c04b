//! Watches files under roots: their content by digest, text files with their text, mode, owner
//! and the target of links. Files that look like secrets keep a keyed digest only.

mod document;
mod mounts;
mod roots;
mod subject;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use collect::{CollectError, Collector, Cover, Cx};

use super::sweep::{Timing, Watch, drive, open};
use super::{FilesConfig, HostConfig, Place};
use crate::{Build, Plugin};
use subject::Files;

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.files",
    doc: "Files under configured roots: type, mode, owner, digest of the content, and the text of small text files.",
    kinds: &["file"],
    build: Build::Host(build),
};

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let config = config.files.clone();
    config.enabled.then(|| Box::new(FilesCollector { config, place: place.clone() }) as Box<dyn Collector>)
}

/// From the first event to the look at the file.
const DEBOUNCE: Duration = Duration::from_millis(10);

struct FilesCollector {
    config: FilesConfig,
    place: Place,
}

#[async_trait]
impl Collector for FilesCollector {
    fn name(&self) -> &'static str {
        PLUGIN.name
    }

    fn scope(&self) -> &str {
        self.place.scope()
    }

    /// The roots that are watched whole.
    fn covers(&self) -> Vec<Cover> {
        roots::covers(&self.config.roots)
    }

    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError> {
        let (watch, events) = open(self.config.watches);
        let watch: Arc<Watch> = Arc::new(watch);
        let files = Files::new(&self.config, &self.place, cx, Arc::clone(&watch));
        let files = Arc::new(files?);
        let timing = Timing { sweep: self.config.sweep, debounce: DEBOUNCE };
        let ended = drive(cx, Arc::clone(&files), watch, events, timing).await;
        // What was hashed is worth keeping, however the run ended.
        base::blocking(move || files.save()).await;
        ended
    }
}
