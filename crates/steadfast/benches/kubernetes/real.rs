//! The API server of the peers.

use std::path::PathBuf;

use crate::cluster::Cluster;
use crate::{Server, config_map};

/// A cluster with the ConfigMaps.
pub struct Real {
    cluster: Cluster,
    http: reqwest::Client,
    url: String,
}

impl Real {
    pub async fn start(count: usize) -> Self {
        let cluster = Cluster::start().expect("the peers are installed");
        let config = std::fs::read_to_string(cluster.kubeconfig("admin")).unwrap();
        let url = config.split('"').find(|part| part.starts_with("https://")).unwrap().to_owned();
        let ca = std::fs::read(cluster.kubeconfig("admin").with_file_name("ca.crt")).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let http = reqwest::Client::builder().tls_built_in_root_certs(false).add_root_certificate(ca).build().unwrap();
        cluster.kubectl("admin", &["create", "namespace", "shop"], "");
        let server = Self { cluster, http, url };
        for first in (0..count).step_by(500) {
            let texts: Vec<String> = (first..count.min(first + 500)).map(config_map).collect();
            server.cluster.kubectl("admin", &["create", "-f", "-"], &texts.join("---\n"));
        }
        server
    }
}

impl Server for Real {
    fn kubeconfig(&self) -> PathBuf {
        self.cluster.kubeconfig("admin")
    }

    async fn set(&self, n: usize, value: &str) {
        let url = format!("{}/api/v1/namespaces/shop/configmaps/settings-{n}?fieldManager=kubectl-edit", self.url);
        let patch =
            self.http.patch(url).bearer_auth("admin-token").header("content-type", "application/merge-patch+json");
        let answer = patch.body(format!("{{\"data\":{{\"mode\":\"{value}\"}}}}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}
