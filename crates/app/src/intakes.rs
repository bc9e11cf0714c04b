//! What others post to the server, handed to the collectors.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Limit;
use base::queue::{Refused, bounded};
use collectors::kubernetes::{Inbox, KubernetesConfig};
use kubernetes::audit::Write;
use server::{From, Intake, NotTaken, Take};

use crate::AppError;

/// Bytes of a body of audit events, which may have the objects that were written in them.
const AUDIT: Limit = Limit::new("kubernetes_audit_body_bytes", 32 << 20);
/// Bodies that wait for the collector; of each only the writers are kept.
const WAITING: usize = 64;

/// By cluster: what its API server posts.
pub(crate) type Inboxes = BTreeMap<String, Inbox>;

/// The intakes of audit events, by name, and where what they take comes out.
///
/// # Errors
/// Names the cluster whose token is not there.
pub(crate) fn audits(clusters: &[KubernetesConfig]) -> Result<(BTreeMap<String, Intake>, Inboxes), AppError> {
    let (mut intakes, mut inboxes) = (BTreeMap::new(), Inboxes::new());
    for config in clusters {
        let Some(webhook) = &config.audit.webhook else { continue };
        let key = || format!("kubernetes.{}.audit.webhook.token", config.cluster);
        let token = webhook.token.as_ref().map(|token| token.resolve()).transpose();
        let token = token.map_err(|error| AppError::secret(key(), error))?;
        let (sender, inbox) = bounded("kubernetes_audit", WAITING);
        let take = move |body: &[u8]| {
            let writes = Write::read_list(body).map_err(|error| NotTaken::Malformed(error.to_string()))?;
            if writes.is_empty() {
                return Ok(());
            }
            sender.try_send(writes).map_err(|refused| match refused {
                Refused::Full(_) => NotTaken::Full,
                Refused::Closed(_) => NotTaken::Closed,
            })
        };
        let take: Take = Arc::new(move |body| {
            let take = take.clone();
            Box::pin(async move { base::blocking(move || take(&body)).await.unwrap_or(Err(NotTaken::Closed)) })
        });
        let name = format!("kubernetes/{}/audit", config.cluster);
        intakes.insert(name, Intake { from: From::Bearer(token), limit: AUDIT, take });
        inboxes.insert(config.cluster.clone(), inbox);
    }
    Ok((intakes, inboxes))
}
