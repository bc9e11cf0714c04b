//! Where the writer puts what: names that every file system, shell and reader of this crate takes.

use std::collections::HashSet;
use std::path::PathBuf;

use model::{Key, ResourceId};

/// The longest name of a file or folder; most file systems take 255 bytes.
const NAME: usize = 200;

/// Gives each resource a path that no other one has.
#[derive(Default)]
pub(crate) struct Layout {
    taken: HashSet<String>,
}

impl Layout {
    /// `web-1/users.yaml`.
    pub(crate) fn group(&mut self, host: &str, group: &str) -> PathBuf {
        self.take(format!("{}/{group}", folder(host)), host)
    }

    /// `web-1/files/etc/nginx/nginx.conf.yaml`.
    pub(crate) fn file(&mut self, id: &ResourceId) -> PathBuf {
        let mut parts: Vec<&str> = id.name().split('/').collect();
        let last = parts.pop().unwrap_or_default();
        let folders: String = parts.iter().map(|part| folder(part) + "/").collect();
        self.take(format!("{}/files/{folders}{}", folder(id.scope_name()), name(last)), id.as_str())
    }

    /// `k8s-prod/shop/deployment-web.yaml`; what is in no namespace is in `k8s-prod/_cluster`.
    pub(crate) fn object(&mut self, id: &ResourceId) -> PathBuf {
        let namespace = if id.namespace().is_empty() { "_cluster" } else { id.namespace() };
        let kind = id.kind().rsplit('.').next().unwrap_or_default().to_lowercase();
        let path = format!("k8s-{}/{}/{kind}-{}", folder(id.scope_name()), folder(namespace), name(id.name()));
        self.take(path, id.as_str())
    }

    /// Two names that become one, or differ in case only, are told apart by a part of the key.
    fn take(&mut self, path: String, about: &str) -> PathBuf {
        let path =
            if path.len() > 3000 { format!("{}/long", path.split('/').next().unwrap_or_default()) } else { path };
        if self.taken.insert(path.to_lowercase()) {
            return PathBuf::from(path + ".yaml");
        }
        let key = Key::of(about.as_bytes()).to_string();
        let path = format!("{path}-{}", &key[..12]);
        self.taken.insert(path.to_lowercase());
        PathBuf::from(path + ".yaml")
    }
}

/// A folder never ends like a manifest, so that no file is where a folder must be.
fn folder(text: &str) -> String {
    let name = name(text);
    if name.ends_with(".yaml") || name.ends_with(".yml") { name + "_" } else { name }
}

/// Hidden files are not read as manifests, so a dot at the start is written out.
fn name(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "._@+-".contains(c) { c } else { '_' }).collect();
    let plain = match plain.strip_prefix('.') {
        Some(rest) => format!("dot_{rest}"),
        None => plain,
    };
    match plain.len() {
        0 => "_".to_owned(),
        1..=NAME => plain,
        _ => format!("{}-{}", &plain[..NAME - 13], &Key::of(text.as_bytes()).to_string()[..12]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_apart_and_no_folder_is_a_file() {
        let mut layout = Layout::default();
        let mut path = |name: &str| {
            let id: ResourceId = format!("host/web-1/file//{name}").parse().unwrap();
            layout.file(&id).display().to_string()
        };
        assert_eq!(path("etc/nginx/nginx.conf"), "web-1/files/etc/nginx/nginx.conf.yaml");
        assert_eq!(path("home/a/.bashrc"), "web-1/files/home/a/dot_bashrc.yaml");
        assert_eq!(path("etc/a"), "web-1/files/etc/a.yaml");
        assert_eq!(path("etc/a.yaml/b"), "web-1/files/etc/a.yaml_/b.yaml");
        assert!(path("etc/A").starts_with("web-1/files/etc/A-"));
    }
}
