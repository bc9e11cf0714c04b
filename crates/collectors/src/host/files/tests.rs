use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use collect::Collector;

use super::FilesCollector;
use crate::host::{FilesConfig, Pattern, Place, RootConfig};
use crate::testing::Running;

/// A tree and the collector that watches it.
struct Tree {
    dir: tempfile::TempDir,
    config: FilesConfig,
}

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("cache")).unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        // Only inotify may see a change, unless a test says otherwise.
        let config = FilesConfig {
            roots: vec![RootConfig::new("/etc")],
            sweep: Duration::from_secs(3600),
            ..FilesConfig::default()
        };
        Self { dir, config }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root().join("etc").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    fn collector(&self) -> Box<dyn Collector> {
        let root = self.root();
        let place = Place::new(Some("a"), Some(&root.join("cache"))).at(&root);
        Box::new(FilesCollector { config: self.config.clone(), place })
    }

    fn start(&self) -> Running {
        Running::start(self.collector())
    }
}

#[tokio::test]
async fn a_tree_with_everything_bad_in_it_is_seen_and_nothing_hangs() {
    let tree = Tree::new();
    tree.write("plain", "hello\n");
    tree.write("sub/deep/file", "x");
    tree.write("shadow", "root:$6$hunter2:::\n");
    tree.write("app.conf", "user = a\npassword = hunter2\n");
    tree.write("big", &"y".repeat(70_000));
    tree.write("skipped.swp", "");
    fs::write(tree.at("key.txt"), "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n").unwrap();
    fs::write(tree.at(OsStr::from_bytes(b"n\xffme")), "z").unwrap();
    symlink(".", tree.at("loop")).unwrap();
    symlink("../etc", tree.at("sub/up")).unwrap();
    symlink("/nowhere", tree.at("dangling")).unwrap();
    let special =
        |name: &str, kind, device| rustix::fs::mknodat(rustix::fs::CWD, tree.at(name), kind, 0o600.into(), device);
    special("fifo", rustix::fs::FileType::Fifo, 0).unwrap();
    let device = special("device", rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 5)).is_ok();
    let _socket = std::os::unix::net::UnixListener::bind(tree.at("socket")).unwrap();
    fs::set_permissions(tree.at("plain"), Permissions::from_mode(0o4755)).unwrap();

    let running = tree.start();
    running.complete().await;
    {
        let state = running.state();
        let kind = |name: &str| state.member(&format!("file//etc/{name}"), "type");
        assert_eq!(kind("plain").as_deref(), Some("file"));
        assert_eq!(state.member("file//etc/plain", "mode").as_deref(), Some("4755"));
        assert_eq!(state.member("file//etc/plain", "digest").unwrap(), format!("blake3:{}", blake3::hash(b"hello\n")));
        assert_eq!(state.live["file//etc/plain"].text.as_deref(), Some("hello\n"));
        assert_eq!(state.live["file//etc/big"].text, None);
        assert_eq!(kind("sub/deep").as_deref(), Some("directory"));
        assert_eq!((kind("fifo").as_deref(), kind("socket").as_deref()), (Some("fifo"), Some("socket")));
        assert_eq!(kind("device").as_deref(), device.then_some("char"));
        assert_eq!(state.member("file//etc/loop", "target").as_deref(), Some("."));
        assert!(state.live.contains_key("file//etc/n%FFme") && state.live.contains_key("file//etc"));
        assert_eq!(kind("skipped.swp"), None);
        assert!(
            !state.names().iter().any(|name| name.contains("loop/") || name.contains("up/")),
            "links are not followed"
        );
        assert!(state.member("file//etc/key.txt", "digest").unwrap().starts_with("keyed:"));
        let all = format!("{:?}", state.history);
        assert!(!all.contains("hunter2"), "a secret was handed over");
        assert!(state.live["file//etc/app.conf"].text.as_ref().unwrap().contains("password = keyed:"));
    }
    running.end().await;
}

#[tokio::test]
async fn the_collector_passes_the_suite() {
    let tree = Tree::new();
    tree.write("a/b", "hello");
    tree.write("tls.key", "hunter2");
    collect::suite::check(|| tree.collector(), &["hunter2"]).await.unwrap();
}

#[tokio::test]
async fn changes_are_seen_as_they_happen() {
    let tree = Tree::new();
    tree.write("conf", "1");
    tree.write("old", "1");
    let running = tree.start();
    running.complete().await;

    tree.write("conf", "2");
    running.until("a change", |state| state.live["file//etc/conf"].text.as_deref() == Some("2")).await;
    fs::set_permissions(tree.at("conf"), Permissions::from_mode(0o600)).unwrap();
    running.until("a mode", |state| state.member("file//etc/conf", "mode").as_deref() == Some("0600")).await;
    fs::remove_file(tree.at("old")).unwrap();
    running.until("a removal", |state| !state.live.contains_key("file//etc/old")).await;
    // By rename, as editors write.
    tree.write("conf.tmp", "3");
    fs::rename(tree.at("conf.tmp"), tree.at("conf")).unwrap();
    running.until("a rename", |state| state.live["file//etc/conf"].text.as_deref() == Some("3")).await;
    // A new directory, with what is in it already, and later changes there.
    tree.write("new/sub/file", "1");
    running.until("a directory", |state| state.live.contains_key("file//etc/new/sub/file")).await;
    tree.write("new/sub/file", "2");
    running.until("in it", |state| state.live["file//etc/new/sub/file"].text.as_deref() == Some("2")).await;
    fs::remove_dir_all(tree.at("new")).unwrap();
    running.until("its end", |state| !state.names().iter().any(|name| name.starts_with("file//etc/new"))).await;
    assert_eq!(running.state().completes, 1, "no sweep was needed");
    running.end().await;
}

#[tokio::test]
async fn a_directory_that_is_moved_is_gone_from_its_old_place() {
    let tree = Tree::new();
    tree.write("a/b/file", "1");
    let running = tree.start();
    running.complete().await;
    fs::rename(tree.at("a"), tree.at("moved")).unwrap();
    running
        .until("the move", |state| {
            state.live.contains_key("file//etc/moved/b/file")
                && !state.names().iter().any(|name| name.starts_with("file//etc/a"))
        })
        .await;
    tree.write("moved/b/file", "2");
    running.until("a change", |state| state.live["file//etc/moved/b/file"].text.as_deref() == Some("2")).await;
    // Out of the tree.
    fs::rename(tree.at("moved"), tree.root().join("elsewhere")).unwrap();
    running.until("the end", |state| !state.names().iter().any(|name| name.contains("moved"))).await;
    running.end().await;
}

#[tokio::test]
async fn without_watches_the_sweep_sees_changes_and_says_so() {
    let mut tree = Tree::new();
    (tree.config.watches, tree.config.sweep) = (0, Duration::from_millis(20));
    tree.write("sub/conf", "1");
    let running = tree.start();
    running
        .until("a message", |state| {
            state.messages.iter().any(|message| message.contains("3 directories are not watched"))
        })
        .await;
    tree.write("sub/conf", "2");
    running.until("a sweep", |state| state.live["file//etc/sub/conf"].text.as_deref() == Some("2")).await;
    fs::remove_file(tree.at("sub/conf")).unwrap();
    running.until("a removal", |state| !state.live.contains_key("file//etc/sub/conf")).await;
    running.end().await;
}

#[tokio::test]
async fn a_root_that_vanishes_is_gone_and_is_seen_as_it_comes_back() {
    let mut tree = Tree::new();
    tree.config.roots.push(RootConfig::new("/opt/app"));
    tree.write("a/conf", "1");
    fs::create_dir(tree.root().join("opt")).unwrap();
    let running = tree.start();
    running.complete().await;
    // One that was not there at the start, and is deleted and made anew.
    for text in ["1", "2"] {
        tree.write("../opt/app/conf", text);
        running.until("it comes", |state| state.live.contains_key("file//opt/app/conf")).await;
        fs::remove_dir_all(tree.root().join("opt/app")).unwrap();
        running.until("it goes", |state| !state.names().iter().any(|name| name.contains("opt/app"))).await;
    }
    assert_eq!(running.state().completes, 1, "no sweep was needed");
    // Moved away, with all that is in it, and back.
    fs::rename(tree.at(""), tree.root().join("away")).unwrap();
    running.until("the end", |state| state.live.is_empty()).await;
    fs::rename(tree.root().join("away"), tree.root().join("etc")).unwrap();
    running.until("the return", |state| state.live.contains_key("file//etc/a/conf")).await;
    tree.write("a/conf", "2");
    running.until("a change", |state| state.live["file//etc/a/conf"].text.as_deref() == Some("2")).await;
    running.end().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_there_and_said_and_the_others_are_seen() {
    let mut tree = Tree::new();
    tree.write("conf", "1");
    // Its first page is mapped by nobody: reading it fails, for root too.
    symlink("/proc/self", tree.root().join("proc")).unwrap();
    tree.config.roots.push(RootConfig::new("/proc/mem"));
    let running = tree.start();
    let unread = |message: &String| message.contains("1 files are not readable") && message.contains("/mem: ");
    running.until("a message", |state| state.messages.iter().any(unread)).await;
    {
        let state = running.state();
        let name = format!("file//proc/{}/mem", std::process::id());
        assert_eq!(state.member(&name, "type").as_deref(), Some("file"));
        assert!(state.member(&name, "unreadable").is_some() && state.member(&name, "digest").is_none());
        assert_eq!(state.live["file//etc/conf"].text.as_deref(), Some("1"));
    }
    running.end().await;
}

#[tokio::test]
async fn a_file_that_never_rests_is_unstable_or_whole_and_what_it_is_in_the_end() {
    use std::io::Write;
    let tree = Tree::new();
    tree.write("busy", &"x".repeat(4 << 20));
    let stop = base::Shutdown::new();
    let (path, told) = (tree.at("busy"), stop.clone());
    let writer = base::blocking(move || {
        let mut file = fs::File::options().append(true).open(path).unwrap();
        while !told.started() {
            file.write_all(b"+").unwrap();
        }
    });
    let running = tree.start();
    let scan = async {
        running.complete().await;
        let seen = ["digest", "unstable"].map(|member| running.state().member("file//etc/busy", member).is_some());
        stop.start();
        seen
    };
    let (_, seen) = tokio::join!(writer, scan);
    assert!(seen[0] != seen[1], "{seen:?}");
    let last = format!("blake3:{}", blake3::hash(&fs::read(tree.at("busy")).unwrap()));
    running.until("the end", |state| state.member("file//etc/busy", "digest").as_deref() == Some(last.as_str())).await;
    running.end().await;
}

#[tokio::test]
async fn a_restored_mtime_does_not_hide_a_change() {
    let mut tree = Tree::new();
    (tree.config.watches, tree.config.sweep) = (0, Duration::from_millis(20));
    tree.write("conf", "1");
    let before = fs::metadata(tree.at("conf")).unwrap().modified().unwrap();
    let running = tree.start();
    running.complete().await;
    tree.write("conf", "2");
    fs::File::options().write(true).open(tree.at("conf")).unwrap().set_modified(before).unwrap();
    running.until("a sweep", |state| state.live["file//etc/conf"].text.as_deref() == Some("2")).await;
    running.end().await;
}

#[tokio::test]
async fn roots_have_their_own_rules_and_may_lie_in_each_other() {
    let mut tree = Tree::new();
    let only = |path: &str, include: &str| RootConfig { include: Pattern::list(&[include]), ..RootConfig::new(path) };
    let skip = RootConfig { exclude: Pattern::list(&["*.d"]), ..RootConfig::new("/etc") };
    let small = RootConfig { max_bytes: 3, ..RootConfig::new("/etc/inner") };
    tree.config.roots = vec![skip, small, only("/home/*/.ssh", "authorized_keys"), RootConfig::new("/not/there")];
    tree.write("a.d/file", "1");
    tree.write("inner/large", "1234");
    tree.write("../home/zoe/.ssh/authorized_keys", "k");
    tree.write("../home/zoe/.ssh/id_rsa", "k");
    let running = tree.start();
    running.complete().await;
    assert_eq!(
        running.state().names(),
        ["file//etc", "file//etc/inner", "file//etc/inner/large", "file//home/zoe/.ssh/authorized_keys"]
    );
    assert_eq!(running.state().member("file//etc/inner/large", "size").as_deref(), Some("4"));
    tree.write("a.d/file", "2");
    tree.write("inner/large", "12345");
    running.until("a change", |state| state.member("file//etc/inner/large", "size").as_deref() == Some("5")).await;
    assert!(!running.state().names().iter().any(|name| name.contains(".d")), "what is excluded stays so");
    running.end().await;
}

#[tokio::test]
async fn after_a_restart_what_did_not_change_is_not_read_again_but_its_text_is_given() {
    let tree = Tree::new();
    tree.write("conf", "hello");
    fs::write(tree.at("binary"), b"\0\xff").unwrap();
    // Old enough to be trusted: a file that was just written is read again in any case.
    tokio::task::yield_now().await;
    let settle = Duration::from_millis(2100);
    base::Clock::system().sleep(settle).await;
    let running = tree.start();
    running.complete().await;
    running.end().await;
    let cache = tree.root().join("cache/host.files.cache");
    assert_eq!(fs::metadata(&cache).unwrap().len(), 32 + 2 * 65 + 4);

    // A digest that only the cache can have given.
    let mut bytes = fs::read(&cache).unwrap();
    let digest = *blake3::hash(b"\0\xff").as_bytes();
    let at = bytes.windows(32).position(|window| window == digest).unwrap();
    bytes[at..at + 32].fill(0xab);
    let end = bytes.len() - 4;
    let crc = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    fs::write(&cache, bytes).unwrap();
    let running = tree.start();
    running.complete().await;
    assert_eq!(running.state().member("file//etc/binary", "digest").unwrap(), format!("blake3:{}", "ab".repeat(32)));
    assert_eq!(running.state().live["file//etc/conf"].text.as_deref(), Some("hello"));
    running.end().await;

    fs::write(&cache, "damaged").unwrap();
    let running = tree.start();
    running.complete().await;
    assert_eq!(
        running.state().member("file//etc/binary", "digest").unwrap(),
        format!("blake3:{}", blake3::hash(b"\0\xff"))
    );
    running.end().await;
}

#[tokio::test]
async fn a_storm_of_changes_ends_in_the_right_state() {
    let tree = Tree::new();
    for n in 0..300 {
        tree.write(&format!("d{}/f{n}", n % 10), "0");
    }
    let running = tree.start();
    running.complete().await;
    for round in 1..=5 {
        for n in 0..300 {
            tree.write(&format!("d{}/f{n}", n % 10), &round.to_string());
        }
    }
    running
        .until("the last round", |state| {
            (0..300).all(|n| state.live[&format!("file//etc/d{}/f{n}", n % 10)].text.as_deref() == Some("5"))
        })
        .await;
    running.end().await;
}

#[tokio::test]
async fn a_deep_tree_needs_no_stack() {
    let tree = Tree::new();
    let mut path = tree.at("d");
    for _ in 0..600 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    let running = tree.start();
    running.complete().await;
    assert_eq!(running.state().live.len(), 602);
    running.end().await;
}

#[tokio::test]
async fn a_change_is_handed_over_within_milliseconds() {
    let tree = Tree::new();
    tree.write("conf", "0");
    let running = tree.start();
    running.complete().await;
    let clock = base::Clock::system();
    let mut took = Vec::new();
    for n in 1..=20 {
        let start = clock.monotonic();
        tree.write("conf", &n.to_string());
        running.until("a change", |state| state.live["file//etc/conf"].text.as_deref() == Some(&*n.to_string())).await;
        took.push(clock.monotonic() - start);
    }
    took.sort();
    assert!(took[10] < Duration::from_millis(50), "the median is {:?}", took[10]);
    running.end().await;
}
