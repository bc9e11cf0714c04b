use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use collect::Collector;

use crate::host::{HostConfig, Place};
use crate::testing::Running;

const MD5_ABC: &str = "md5:900150983cd24fb0d6963f7d28e17f72";
const SUM: &str = "900150983cd24fb0d6963f7d28e17f72";

/// A host with two packages.
fn host() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "var/lib/dpkg/status",
        &format!(
            "Package: web\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\nConffiles:\n /etc/web.conf {SUM}\n /etc/secret {SUM}\n\n\
             Package: lib\nStatus: install ok installed\nVersion: 2\nArchitecture: i386\n\n\
             Package: old\nStatus: deinstall ok config-files\nVersion: 3\nArchitecture: all\nConffiles:\n /etc/old {SUM}\n"
        ),
    );
    write("var/lib/dpkg/arch", "amd64\ni386\n");
    write(
        "var/lib/dpkg/info/web.md5sums",
        &format!(
            "{SUM}  usr/sbin/web\n{SUM}  usr/share/doc/web/README\n{SUM}  usr/lib/gone\n{SUM}  usr/lib/tool\n{SUM}  usr/lib/link\n"
        ),
    );
    write("var/lib/dpkg/info/lib:i386.md5sums", &format!("{SUM}  usr/lib/lib.so\n{SUM}  bin/merged\n"));
    write("var/lib/dpkg/diversions", "/usr/lib/tool\n/usr/lib/tool.distrib\nother\n");
    write("etc/dpkg/dpkg.cfg.d/slim", "path-exclude=/usr/lib/lib.*\n");
    for file in [
        "etc/web.conf",
        "etc/secret",
        "etc/old",
        "usr/sbin/web",
        "usr/share/doc/web/README",
        "usr/lib/tool.distrib",
        "usr/bin/merged",
        "usr/lib/lib.so",
    ] {
        write(file, "abc");
    }
    symlink("usr/bin", dir.path().join("bin")).unwrap();
    symlink("tool.distrib", dir.path().join("usr/lib/link")).unwrap();
    dir
}

fn collector(host: &Path, which: usize) -> Box<dyn Collector> {
    let host = host.canonicalize().unwrap();
    let mut config = HostConfig::default();
    (config.packages.sweep, config.packages.interval) = (Duration::from_secs(3600), Duration::from_secs(3600));
    let build = [super::files::build, super::list::build][which];
    build(&config, &Place::new(Some("a"), None).at(&host)).unwrap()
}

#[tokio::test]
async fn files_of_packages_have_the_digest_that_they_have_now() {
    let host = host();
    let running = Running::start(collector(host.path(), 0));
    running.complete().await;
    {
        let state = running.state();
        let shown: Vec<(&str, String)> =
            state.names().into_iter().map(|name| (name, state.member(name, "digest").unwrap())).collect();
        let abc = |name| (name, MD5_ABC.to_owned());
        assert_eq!(
            shown,
            [
                abc("package_file/lib/bin/merged"),
                abc("package_file/web/etc/secret"),
                abc("package_file/web/etc/web.conf"),
                ("package_file/web/usr/lib/link", "symlink:tool.distrib".to_owned()),
                abc("package_file/web/usr/lib/tool"),
                abc("package_file/web/usr/sbin/web"),
            ]
        );
        assert!(state.history[0].id.name().starts_with("etc/"), "configuration comes first");
    }
    fs::write(host.path().join("etc/web.conf"), "changed").unwrap();
    running
        .until("a conffile", |state| {
            state.member("package_file/web/etc/web.conf", "digest").is_some_and(|digest| digest != MD5_ABC)
        })
        .await;
    fs::write(host.path().join("usr/lib/tool.distrib"), "changed").unwrap();
    running
        .until("a diverted file", |state| {
            state.member("package_file/web/usr/lib/tool", "digest").is_some_and(|digest| digest != MD5_ABC)
        })
        .await;
    fs::write(host.path().join("usr/bin/merged"), "changed").unwrap();
    running
        .until("behind a link", |state| {
            state.member("package_file/lib/bin/merged", "digest").is_some_and(|digest| digest != MD5_ABC)
        })
        .await;
    fs::remove_file(host.path().join("usr/sbin/web")).unwrap();
    running.until("a removal", |state| !state.live.contains_key("package_file/web/usr/sbin/web")).await;
    assert_eq!(running.state().completes, 1, "no sweep was needed");
    running.end().await;
}

#[tokio::test]
async fn packages_are_listed_and_followed() {
    let host = host();
    let running = Running::start(collector(host.path(), 1));
    running.complete().await;
    assert_eq!(running.state().names(), ["package/dpkg/lib:i386", "package/dpkg/old", "package/dpkg/web"]);
    assert_eq!(running.state().member("package/dpkg/web", "version").as_deref(), Some("1.0"));
    let status = host.path().join("var/lib/dpkg/status");
    let upgraded = fs::read_to_string(&status).unwrap().replace("1.0", "1.1");
    fs::write(host.path().join("var/lib/dpkg/status-new"), upgraded).unwrap();
    fs::rename(host.path().join("var/lib/dpkg/status-new"), status).unwrap();
    running.until("an upgrade", |state| state.member("package/dpkg/web", "version").as_deref() == Some("1.1")).await;
    running.end().await;
}

#[tokio::test]
async fn the_collectors_pass_the_suite() {
    let host = host();
    for which in 0..2 {
        collect::suite::check(|| collector(host.path(), which), &["abc\n"]).await.unwrap();
    }
}
