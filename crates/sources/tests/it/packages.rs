use std::path::PathBuf;

use async_trait::async_trait;
use base::Clock;
use desired::suite::{Stage, run};
use desired::{Fetched, Source};
use sources::packages::{PackagesConfig, build};

use crate::repository::{all, unavailable};

const A: &str = "900150983cd24fb0d6963f7d28e17f72";
const B: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// A root with dpkg's databases.
struct Root {
    dir: tempfile::TempDir,
    version: u32,
}

impl Root {
    fn new() -> Self {
        let root = Self { dir: tempfile::tempdir().unwrap(), version: 1 };
        root.status(A);
        root.put(
            "var/lib/dpkg/info/nginx.md5sums",
            &format!("{A}  usr/sbin/nginx\n{A}  usr/share/doc/nginx/x\n{A}  usr/lib/x.pyc\n"),
        );
        root.put("var/lib/dpkg/info/libc6:amd64.md5sums", &format!("{B}  lib/libc.so\nodd line\n"));
        root.put("var/lib/dpkg/info/libc6:i386.md5sums", &format!("{B}  lib/libc.so\n"));
        root.put("var/lib/dpkg/info/gone.md5sums", &format!("{B}  usr/bin/gone\n"));
        root.put("etc/dpkg/dpkg.cfg.d/slim", "path-exclude=/usr/games/*\n");
        root.put("var/lib/dpkg/info/game.md5sums", &format!("{B}  usr/games/chess\n"));
        root
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // As dpkg does it: a new file takes the place of the old one.
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    fn status(&self, digest: &str) {
        self.put(
            "var/lib/dpkg/status",
            &format!(
                "Package: nginx\nStatus: install ok installed\nConffiles:\n /etc/nginx/nginx.conf {digest}\n /etc/old {A} obsolete\n\n\
                 Package: libc6\nStatus: install ok installed\n\nPackage: game\nStatus: install ok installed\n\n\
                 Package: gone\nStatus: deinstall ok config-files\n"
            ),
        );
    }

    fn config(&self) -> PackagesConfig {
        PackagesConfig { root: self.dir.path().to_owned(), ..PackagesConfig::default() }
    }

    fn source(&self) -> Box<dyn Source> {
        build(&self.config(), "web-1", &Clock::system()).unwrap()
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("var/lib/dpkg/status")
    }
}

#[async_trait]
impl Stage for Root {
    async fn source(&mut self) -> Box<dyn Source> {
        Self::source(self)
    }

    async fn change(&mut self) {
        self.version += 1;
        self.status(&format!("{:032x}", self.version));
    }

    async fn damage(&mut self) {
        std::fs::rename(self.database(), self.database().with_extension("away")).unwrap();
    }

    async fn mend(&mut self) {
        self.change().await;
    }
}

#[tokio::test]
async fn it_passes_the_suite_of_sources() {
    run(&mut Root::new()).await.unwrap();
}

fn files(set: &Fetched) -> Vec<(String, String, Option<u64>)> {
    let entry = |m: &desired::Manifest| {
        (
            format!("{} {}", m.id.namespace(), m.id.name()),
            m.document.tree()["digest"].as_str().unwrap().to_owned(),
            m.line,
        )
    };
    let mut files: Vec<_> = set.manifests.iter().map(entry).collect();
    files.sort();
    files
}

#[tokio::test]
async fn files_of_installed_packages_are_declared_once_by_their_digest() {
    let root = Root::new();
    let sets = all(root.source().as_mut()).await;
    let file = |name: &str, digest: &str, line| (name.to_owned(), format!("md5:{digest}"), line);
    assert_eq!(
        files(&sets[0]),
        [
            file("libc6 lib/libc.so", B, Some(1)),
            file("nginx etc/nginx/nginx.conf", A, None),
            file("nginx usr/sbin/nginx", A, Some(1)),
        ]
    );
    assert_eq!(sets[0].message.as_deref(), Some("dpkg: 3 packages, 3 files, 1 lines cannot be read"));
    assert!(sets[0].revision.starts_with("dpkg-") && sets[0].scope == "host/web-1", "{}", sets[0].revision);
}

#[tokio::test]
async fn a_status_that_says_the_same_is_no_revision_and_an_upgrade_is_one() {
    let root = Root::new();
    let mut source = root.source();
    all(source.as_mut()).await;
    root.status(A);
    assert!(source.fetch().await.unwrap().is_empty());
    root.status(B);
    assert_eq!(all(source.as_mut()).await.len(), 1);
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_named() {
    let root = Root::new();
    let mut source = root.source();
    all(source.as_mut()).await;
    std::fs::remove_dir_all(root.dir.path().join("var/lib/dpkg/info")).unwrap();
    let error = unavailable(source.as_mut()).await;
    assert!(error.contains("var/lib/dpkg/info"), "{error}");
}

#[test]
fn where_there_is_no_database_or_it_is_off_there_is_no_source() {
    let dir = tempfile::tempdir().unwrap();
    let config = PackagesConfig { root: dir.path().to_owned(), ..PackagesConfig::default() };
    assert!(build(&config, "web-1", &Clock::system()).is_none());
    let root = Root::new();
    assert!(build(&PackagesConfig { enabled: false, ..root.config() }, "web-1", &Clock::system()).is_none());
}

#[tokio::test]
async fn a_package_on_hold_is_as_much_installed_and_dpkg_cfg_has_the_last_word() {
    let root = Root::new();
    root.put("var/lib/dpkg/status", "Package: game\nStatus: hold ok installed\n");
    root.put("var/lib/dpkg/info/game.md5sums", &format!("{B}  usr/games/chess\n{B}  usr/games/go\n"));
    root.put("etc/dpkg/dpkg.cfg", "path-include=/usr/games/go\n");
    root.put("etc/dpkg/dpkg.cfg.d/slim.dpkg-old", "path-exclude=*\n");
    let sets = all(root.source().as_mut()).await;
    assert_eq!(files(&sets[0]), [("game usr/games/go".to_owned(), format!("md5:{B}"), Some(2))]);
}
