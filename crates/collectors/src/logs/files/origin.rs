//! What a file's path says of who writes it. No I/O.

use std::path::Path;

use wire::container::{self, Line};

use crate::logs::config::{LogFileFormat, LogFilesConfig};

/// How the lines of a file are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Plain,
    Cri,
    Docker,
    /// As Docker writes them if they begin so, else as CRI has them.
    Container,
}

impl Format {
    /// Reads a line of a container; nothing if it is a plain one, or none.
    pub(super) fn read(self, line: &[u8]) -> Option<Result<Line<'_>, container::LineError>> {
        match self {
            Self::Plain => None,
            Self::Container if line.first() == Some(&b'{') => Some(container::docker(line)),
            Self::Docker => Some(container::docker(line)),
            Self::Container | Self::Cri => Some(container::cri(line)),
        }
    }
}

/// Who writes a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub format: Format,
    pub service: String,
    pub resource: Vec<(String, String)>,
}

/// What a path says, and the settings.
pub(super) fn origin(path: &Path, host: &str, config: &LogFilesConfig) -> Origin {
    let text = path.to_string_lossy();
    let parts: Vec<&str> = text.split('/').collect();
    let found = pod(&parts).or_else(|| container_link(&parts)).or_else(|| docker(&parts));
    let format = match config.format {
        LogFileFormat::Plain => Format::Plain,
        LogFileFormat::Cri => Format::Cri,
        LogFileFormat::Docker => Format::Docker,
        LogFileFormat::Auto if found.is_some() => Format::Container,
        LogFileFormat::Auto => Format::Plain,
    };
    let (service, of_path) = found.unwrap_or_else(|| (stem(parts.last().unwrap_or(&"")).to_owned(), Vec::new()));
    let mut resource = vec![("host.name".to_owned(), host.to_owned())];
    resource.extend(of_path.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    resource.retain(|(name, _)| !config.resource.contains_key(name));
    resource.extend(config.resource.iter().map(|(name, value)| (name.clone(), value.clone())));
    Origin { format, service: config.service.clone().unwrap_or(service), resource }
}

type Found<'a> = (String, Vec<(&'static str, &'a str)>);

/// `.../pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log`, as the kubelet has it.
fn pod<'a>(parts: &[&'a str]) -> Option<Found<'a>> {
    let [.., "pods", pod, container, file] = parts else { return None };
    let mut names = pod.split('_');
    let (namespace, name, uid) = (names.next()?, names.next()?, names.next()?);
    let restarts = file.split('.').next().filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()))?;
    let resource = vec![
        ("k8s.namespace.name", namespace),
        ("k8s.pod.name", name),
        ("k8s.pod.uid", uid),
        ("k8s.container.name", *container),
        ("k8s.container.restart_count", restarts),
    ];
    Some(((*container).to_owned(), resource))
}

/// `.../containers/<pod>_<namespace>_<container>-<id>.log`, links to those.
fn container_link<'a>(parts: &[&'a str]) -> Option<Found<'a>> {
    let [.., "containers", file] = parts else { return None };
    let mut names = file.strip_suffix(".log")?.split('_');
    let (name, namespace, rest) = (names.next()?, names.next()?, names.next()?);
    let (container, id) = rest.rsplit_once('-')?;
    let resource = vec![
        ("k8s.namespace.name", namespace),
        ("k8s.pod.name", name),
        ("k8s.container.name", container),
        ("container.id", id),
    ];
    Some((container.to_owned(), resource))
}

/// `.../containers/<id>/<id>-json.log`, as Docker has it.
fn docker<'a>(parts: &[&'a str]) -> Option<Found<'a>> {
    let [.., "containers", id, file] = parts else { return None };
    let rest = file.strip_prefix(id)?;
    rest.starts_with("-json.log").then(|| (id.chars().take(12).collect(), vec![("container.id", *id)]))
}

/// `access` of `access.log` and of `access.log.1`.
fn stem(file: &str) -> &str {
    file.split(".log").next().filter(|stem| !stem.is_empty()).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(path: &str, config: &LogFilesConfig) -> String {
        let Origin { format, service, resource } = origin(Path::new(path), "h", config);
        let pairs: Vec<_> = resource.iter().skip(1).map(|(name, value)| format!("{name}={value}")).collect();
        format!("{format:?} {service} {}", pairs.join(" ")).trim_end().to_owned()
    }

    #[test]
    fn a_path_says_who_writes() {
        let id = "9f2c".repeat(16);
        let pod = "k8s.namespace.name=shop k8s.pod.name=web-7d9-x k8s.pod.uid=1f-2 k8s.container.name=nginx";
        let cases = [
            (
                "/var/log/pods/shop_web-7d9-x_1f-2/nginx/3.log".to_owned(),
                format!("Container nginx {pod} k8s.container.restart_count=3"),
            ),
            (
                format!("/var/log/containers/web-7d9-x_shop_nginx-{id}.log"),
                format!(
                    "Container nginx k8s.namespace.name=shop k8s.pod.name=web-7d9-x k8s.container.name=nginx container.id={id}"
                ),
            ),
            (
                format!("/var/lib/docker/containers/{id}/{id}-json.log"),
                format!("Container {} container.id={id}", &id[..12]),
            ),
            ("/var/log/nginx/access.log".to_owned(), "Plain access".to_owned()),
            ("/var/log/nginx/access.log.1".to_owned(), "Plain access".to_owned()),
            ("/var/log/syslog".to_owned(), "Plain syslog".to_owned()),
            ("/var/log/pods/x/y/z.log".to_owned(), "Plain z".to_owned()),
        ];
        for (path, expected) in cases {
            assert_eq!(show(&path, &LogFilesConfig::default()), expected, "{path}");
        }
    }

    #[test]
    fn settings_come_before_what_a_path_says() {
        let resource =
            [("k8s.pod.name".to_owned(), "other".to_owned()), ("host.name".to_owned(), "web".to_owned())].into();
        let config = LogFilesConfig {
            service: Some("shop".to_owned()),
            format: LogFileFormat::Cri,
            resource,
            ..LogFilesConfig::default()
        };
        let origin = origin(Path::new("/var/log/pods/n_p_u/c/0.log"), "h", &config);
        let of = |name: &str| {
            origin
                .resource
                .iter()
                .filter(|(other, _)| other == name)
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!((origin.service.as_str(), origin.format), ("shop", Format::Cri));
        assert_eq!(
            (of("k8s.pod.name"), of("host.name"), of("k8s.namespace.name")),
            (vec!["other"], vec!["web"], vec!["n"])
        );
    }
}
