//! Ways to find targets
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config> and the
//! sections beside it).

use std::path::PathBuf;
use std::time::Duration;

use yaml::{Fields, Node};

use super::value::span;
use crate::discovery::kubernetes::Role;
use crate::discovery::{self, Group};
use crate::mistakes::Mistakes;

/// Prometheus' own that are missing.
pub(super) const MISSING: [&str; 30] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "elasticache_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "http_sd_configs",
    "ionos_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "msk_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
];

/// A file is read again at least so often.
const FILE_REFRESH: Duration = Duration::from_secs(300);
/// A name is resolved again so often.
const DNS_REFRESH: Duration = Duration::from_secs(30);

/// `file_sd_configs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSd {
    /// Paths; the last part may have one `*`.
    pub patterns: Vec<String>,
    /// How often they are read.
    pub refresh: Duration,
}

/// The addresses that a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the records are all there is to say")]
pub enum Record {
    A,
    Aaaa,
}

/// `dns_sd_configs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSd {
    /// What is resolved.
    pub names: Vec<String>,
    /// To what.
    pub record: Record,
    /// The port of the targets.
    pub port: u16,
    /// How often.
    pub refresh: Duration,
}

/// Which objects are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The objects.
    pub role: Role,
    /// By labels, as the API server reads it.
    pub label: String,
    /// By fields.
    pub field: String,
}

/// `kubernetes_sd_configs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSd {
    /// What targets are made of.
    pub role: Role,
    /// How the server is reached; without, as a pod of the cluster.
    pub kubeconfig: Option<PathBuf>,
    /// Only these namespaces; all if empty.
    pub namespaces: Vec<String>,
    /// The namespace that we are in, too.
    pub own_namespace: bool,
    /// Which objects.
    pub selectors: Vec<Selector>,
    /// Labels of nodes are added.
    pub attach_node: bool,
}

/// Reads each item of a list.
pub(super) fn list<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&Node, &mut Mistakes) -> Option<T>,
    mistakes: &mut Mistakes,
) -> Vec<T> {
    let nodes = mistakes.read(fields, key, Node::list).unwrap_or_default();
    let each = nodes.iter().zip(0_usize..);
    each.filter_map(|(node, n)| mistakes.within(format!("{key}[{n}]"), |mistakes| read(node, mistakes))).collect()
}

/// `static_configs`.
pub(super) fn statics(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Vec<Group> {
    list(fields, "static_configs", discovery::group, mistakes)
}

impl FileSd {
    pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<Self> {
        let fields = mistakes.fields(node, "file_sd_configs", &["files", "refresh_interval"], &[])?;
        let patterns = mistakes.texts(&fields, "files");
        if patterns.is_empty() {
            mistakes.of(&fields, "files", "file service discovery config must contain at least one path name");
        }
        for pattern in &patterns {
            let name = pattern.rsplit('/').next().unwrap_or_default();
            let ends = [".json", ".yml", ".yaml"].iter().any(|end| name.ends_with(end));
            let stars = name.matches('*').count() + 2 * pattern.matches(['?', '[']).count();
            let folder = pattern.len().saturating_sub(name.len());
            if !ends || stars > 1 || pattern.get(..folder).is_some_and(|folder| folder.contains('*')) {
                let message = format!("path name {pattern:?} is not valid for file discovery");
                mistakes.of(&fields, "files", message);
            }
        }
        let refresh = mistakes.read(&fields, "refresh_interval", span).filter(|every| !every.is_zero());
        Some(Self { patterns, refresh: refresh.unwrap_or(FILE_REFRESH) })
    }
}

impl DnsSd {
    pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<Self> {
        let fields = mistakes.fields(node, "dns_sd_configs", &["names", "type", "port", "refresh_interval"], &[])?;
        let names = mistakes.texts(&fields, "names");
        if names.is_empty() {
            mistakes.of(&fields, "names", "DNS-SD config must contain at least one SRV record name");
        }
        let kind = mistakes.read(&fields, "type", Node::text).unwrap_or_else(|| "SRV".to_owned());
        let record = match kind.to_ascii_uppercase().as_str() {
            "A" => Record::A,
            "AAAA" => Record::Aaaa,
            "SRV" | "MX" | "NS" => {
                let message = format!("records of type {kind} are not supported here: set type A or AAAA, and port");
                mistakes.of(&fields, "type", message);
                return None;
            }
            _ => {
                mistakes.of(&fields, "type", format!("invalid DNS-SD records type {kind}"));
                return None;
            }
        };
        let port = mistakes.read(&fields, "port", Node::whole).and_then(|port| u16::try_from(port).ok());
        let Some(port) = port.filter(|port| *port > 0) else {
            mistakes.of(&fields, "port", "a port is required in DNS-SD configs for all record types except SRV");
            return None;
        };
        let refresh = mistakes.read(&fields, "refresh_interval", span).filter(|every| !every.is_zero());
        Some(Self { names, record, port, refresh: refresh.unwrap_or(DNS_REFRESH) })
    }
}

impl KubernetesSd {
    pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<Self> {
        let known = ["role", "kubeconfig_file", "namespaces", "selectors", "attach_metadata"];
        let missing =
            [["api_server"].as_slice(), super::http::KEYS.as_slice(), super::http::MISSING.as_slice()].concat();
        let fields = mistakes.fields(node, "kubernetes_sd_configs", &known, &missing)?;
        let role = role(&fields, mistakes)?;
        let kubeconfig = mistakes.read(&fields, "kubeconfig_file", Node::text).filter(|path| !path.is_empty());
        let (namespaces, own_namespace) = namespaces(&fields, mistakes);
        Some(Self {
            role,
            kubeconfig: kubeconfig.map(PathBuf::from),
            namespaces,
            own_namespace,
            selectors: list(&fields, "selectors", selector, mistakes),
            attach_node: attach_node(&fields, mistakes),
        })
    }
}

fn role(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Role> {
    let name = mistakes.read(fields, "role", Node::text).unwrap_or_default();
    let role = Role::of(&name);
    if role.is_none() {
        let known = Role::ALL.map(Role::name).join(", ");
        mistakes.of(fields, "role", format!("unknown Kubernetes SD role {name:?}: known are {known}"));
    }
    role
}

fn namespaces(fields: &Fields<'_>, mistakes: &mut Mistakes) -> (Vec<String>, bool) {
    let Some(node) = fields.get("namespaces") else { return (Vec::new(), false) };
    mistakes.within("namespaces", |mistakes| {
        let Some(fields) = mistakes.fields(node, "namespaces", &["own_namespace", "names"], &[]) else {
            return (Vec::new(), false);
        };
        let own = mistakes.read(&fields, "own_namespace", Node::truth).unwrap_or(false);
        (mistakes.texts(&fields, "names"), own)
    })
}

fn selector(node: &Node, mistakes: &mut Mistakes) -> Option<Selector> {
    let fields = mistakes.fields(node, "selectors", &["role", "label", "field"], &[])?;
    let role = role(&fields, mistakes)?;
    let [label, field] = ["label", "field"].map(|key| mistakes.read(&fields, key, Node::text).unwrap_or_default());
    Some(Selector { role, label, field })
}

fn attach_node(fields: &Fields<'_>, mistakes: &mut Mistakes) -> bool {
    let Some(node) = fields.get("attach_metadata") else { return false };
    mistakes.within("attach_metadata", |mistakes| {
        let fields = mistakes.fields(node, "attach_metadata", &["node"], &["namespace"]);
        fields.and_then(|fields| mistakes.read(&fields, "node", Node::truth)).unwrap_or(false)
    })
}
