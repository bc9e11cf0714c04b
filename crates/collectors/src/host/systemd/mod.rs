//! Units of systemd: whether they are enabled, and whether they run. Where systemd runs,
//! `systemctl` is asked; elsewhere (a container, an image) the unit files and links are read.

mod answer;
mod unit_files;

use std::collections::BTreeMap;

use async_trait::async_trait;
use collect::{CollectError, Collector, Cover, Seen};
use model::Document;
use serde_json::{Map, Value};

use super::poll::{Look, Poll};
use super::{HostConfig, Place, child};
use crate::{Build, Plugin};

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.systemd",
    doc: "Units of systemd: enabled state, active state and file.",
    kinds: &["unit"],
    build: Build::Host(build),
};

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let poll = Poll {
        name: PLUGIN.name,
        scope: place.scope().to_owned(),
        covers: vec![Cover::all("unit")],
        interval: config.systemd.interval,
        watch: Vec::new(),
        look: Systemd(place.clone()),
    };
    config.systemd.enabled.then(|| Box::new(poll) as Box<dyn Collector>)
}

/// What is known of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    /// As `systemctl is-enabled` says.
    pub(crate) enabled: Option<String>,
    /// `active`, `inactive` or `failed`.
    pub(crate) active: Option<&'static str>,
    /// Its file.
    pub(crate) fragment: Option<String>,
    /// Why its file alone does not say whether it is enabled.
    pub(crate) unreadable: Option<String>,
}

pub(crate) type Units = BTreeMap<String, Unit>;

struct Systemd(Place);

#[async_trait]
impl Look for Systemd {
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError> {
        let place = self.0.clone();
        let panicked =
            || CollectError::Source { what: "unit files".to_owned(), problem: "reading them panicked".to_owned() };
        let mut units = base::blocking(move || unit_files::read(&place)).await.ok_or_else(panicked)??;
        if self.0.is_live() && self.0.path("/run/systemd/system").is_dir() && child::exists("systemctl") {
            let files = child::run("systemctl", &["list-unit-files", "--output=json", "--no-pager", "--full"]).await?;
            answer::unit_files(&files, &mut units)?;
            let states =
                child::run("systemctl", &["list-units", "--all", "--output=json", "--no-pager", "--full"]).await?;
            answer::states(&states, &mut units)?;
        }
        Ok(units.into_iter().filter_map(|(name, unit)| seen(&self.0, &name, unit)).collect())
    }
}

fn seen(place: &Place, name: &str, unit: Unit) -> Option<Seen> {
    let unreadable = unit.unreadable.filter(|_| unit.enabled.is_none());
    let members = [
        ("enabled", unit.enabled),
        ("active", unit.active.map(str::to_owned)),
        ("fragment", unit.fragment),
        ("unreadable", unreadable),
    ];
    let known = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    let document = Document::new(Value::Object(known.collect::<Map<_, _>>()));
    Some(Seen { id: place.id("unit", "", name)?, document: Some(document), text: None, actor: None })
}
