//! Which content is behind a tag: the images of pods.

use serde_json::Value;

/// The kind of a tag with what is behind it: no object of the cluster, but what its pods run.
pub const IMAGE: &str = "Image";

/// The images that a pod's containers were declared with by tag, and the digest that runs.
pub fn images(pod: &Value) -> Vec<(String, String)> {
    let mut images = Vec::new();
    for (containers, statuses) in [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")] {
        let items = |pointer: &str| pod.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        for container in items(&format!("/spec/{containers}")) {
            let text = |of: &Value, member: &str| of.get(member).and_then(Value::as_str).map(str::to_owned);
            let (Some(name), Some(image)) = (text(container, "name"), text(container, "image")) else { continue };
            let status =
                items(&format!("/status/{statuses}")).find(|status| text(status, "name").as_ref() == Some(&name));
            let digest = status.and_then(|status| text(status, "imageID")).and_then(|id| digest(&id));
            if let Some(digest) = digest.filter(|_| !image.contains('@')) {
                images.push((image, digest));
            }
        }
    }
    images.sort();
    images.dedup();
    images
}

/// `sha256:...` of `docker-pullable://repository@sha256:...`.
fn digest(id: &str) -> Option<String> {
    // Without a repository it is the digest of a configuration: another thing of the same image.
    id.rsplit_once('@').map(|(_, digest)| digest.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_have_the_digests_that_run() {
        let pod = json!({
            "spec": {"containers": [{"name": "a", "image": "nginx:1"}, {"name": "b", "image": "x@sha256:1"}, {"name": "c", "image": "new:1"}],
                     "initContainers": [{"name": "a", "image": "init:2"}]},
            "status": {"containerStatuses": [
                {"name": "a", "imageID": "docker.io/library/nginx@sha256:abc"}, {"name": "b", "imageID": "x@sha256:1"}, {"name": "c", "imageID": "sha256:config"}],
                "initContainerStatuses": [{"name": "a", "imageID": "docker-pullable://init@sha256:def"}]}});
        let pairs = [("init:2", "sha256:def"), ("nginx:1", "sha256:abc")];
        assert_eq!(images(&pod), pairs.map(|(image, digest)| (image.to_owned(), digest.to_owned())));
        assert_eq!(images(&json!({})), []);
    }
}
