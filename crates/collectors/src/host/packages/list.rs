use async_trait::async_trait;
use collect::{CollectError, Collector, Cover, Seen};
use model::Document;
use package_db::dpkg::{self, Package};
use serde_json::json;

use super::rpm;
use crate::host::poll::{Look, Poll};
use crate::host::{HostConfig, Place, child, input};

pub(crate) fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let poll = Poll {
        name: super::LIST.name,
        scope: place.scope().to_owned(),
        covers: vec![Cover::all("package")],
        interval: config.packages.interval,
        watch: vec![place.path("/var/lib/dpkg/status"), place.path("/var/lib/rpm/rpmdb.sqlite")],
        look: PackageList(place.clone()),
    };
    config.packages.enabled.then(|| Box::new(poll) as Box<dyn Collector>)
}

/// Packages: `version`, `architecture`, `status`; the namespace is the database.
struct PackageList(Place);

#[async_trait]
impl Look for PackageList {
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError> {
        let place = self.0.clone();
        let panicked =
            || CollectError::Source { what: "packages".to_owned(), problem: "reading them panicked".to_owned() };
        base::blocking(move || packages(&place)).await.ok_or_else(panicked)?
    }
}

fn packages(place: &Place) -> Result<Vec<Seen>, CollectError> {
    let mut seen = Vec::new();
    let status = place.path("/var/lib/dpkg/status");
    if let Some(text) = input::text_if_there(&status).map_err(|error| input::failed(&status, error))? {
        let native = native(place);
        seen.extend(dpkg::packages(&text).filter_map(|package| package_seen(place, "dpkg", &package, &native)));
    }
    if place.is_live() && place.path("/var/lib/rpm").exists() && child::exists("rpm") {
        let answer = child::run_blocking("rpm", &["-qa", "--qf", rpm::PACKAGES])?;
        seen.extend(
            rpm::packages(&answer).filter_map(|package| package_seen(place, "rpm", &package, package.architecture)),
        );
    }
    Ok(seen)
}

/// The architecture of most packages: that of dpkg itself.
fn native(place: &Place) -> String {
    input::word(&place.path("/var/lib/dpkg/arch"))
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| match std::env::consts::ARCH {
            "x86_64" => "amd64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            other => other.to_owned(),
        })
}

fn package_seen(place: &Place, database: &str, package: &Package<'_>, native: &str) -> Option<Seen> {
    let foreign = package.architecture != native && package.architecture != "all" && !package.architecture.is_empty();
    let name = if foreign { format!("{}:{}", package.name, package.architecture) } else { package.name.to_owned() };
    let document = json!({
        "version": package.version,
        "architecture": package.architecture,
        "status": package.status,
    });
    let id = place.id("package", database, &name)?;
    Some(Seen { id, document: Some(Document::new(document)), text: None, actor: None })
}
