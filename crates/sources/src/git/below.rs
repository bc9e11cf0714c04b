//! Kustomizations and charts below the folder that is read. Only that folder itself is rendered: read as they are, the
//! files of another would say what nobody applies.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kubernetes_manifest;
use crate::render::Renderer;

/// Why the files of a folder are not what it stands for, by its kustomization or chart at `path`; nothing if they are,
/// or if it cannot be read, which is said where it is read. `files`: all that are read.
pub(crate) fn problem(path: &str, text: &str, files: &BTreeSet<&str>) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let what = match Renderer::detect(&[name])? {
        Renderer::Helm => "a chart",
        Renderer::Kustomize => {
            let objects = kubernetes_manifest::read(text, path).ok()?;
            if objects.iter().all(|object| lists_files(&object.value, folder, files)) {
                return None;
            }
            "a kustomization that does more than list files which are read anyway"
        }
    };
    Some(format!("{what}, below the folder that is read, and only that itself is rendered: `path` must be `{folder}`"))
}

/// Whether a kustomization names nothing but files and folders that are read.
fn lists_files(kustomization: &Value, folder: &str, files: &BTreeSet<&str>) -> bool {
    let is_read = |target: String| {
        let below = format!("{target}/");
        files.contains(target.as_str())
            || files.range(below.as_str()..).next().is_some_and(|file| file.starts_with(&below))
    };
    let listed = |resource: &Value| resource.as_str().and_then(|name| joined(folder, name)).is_some_and(is_read);
    kustomization.as_object().into_iter().flatten().all(|(member, value)| match member.as_str() {
        "apiVersion" | "kind" | "metadata" => true,
        "resources" => value.as_array().is_some_and(|resources| resources.iter().all(listed)),
        _ => false,
    })
}

/// The path of what `name` leads to from a folder; nothing if that is outside of the repository.
fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kustomization_that_lists_what_is_read_anyway_is_none() {
        let files =
            BTreeSet::from(["apps/base/cart.yaml", "apps/base/kustomization.yaml", "apps/prod/kustomization.yaml"]);
        let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
        for (path, body, fine) in [
            ("apps/base/kustomization.yaml", "resources: [cart.yaml]\n", true),
            ("apps/base/Kustomization", "metadata: {name: x}\nresources: [./cart.yaml]\n", true),
            ("apps/prod/kustomization.yaml", "resources: [../base]\n", true),
            ("apps/prod/kustomization.yaml", "resources: [../base/]\nimages: [{name: cart, newTag: '2'}]\n", false),
            ("apps/prod/kustomization.yaml", "resources: [../../outside]\n", false),
            ("apps/prod/kustomization.yaml", "resources: ['https://example.org/base?ref=v1']\n", false),
            ("apps/prod/kustomization.yaml", "patches: [{path: patch.yaml}]\n", false),
        ] {
            assert_eq!(problem(path, &format!("{head}{body}"), &files).is_none(), fine, "{path} {body}");
        }
        let chart = problem("apps/cart/Chart.yaml", "apiVersion: v2\nname: cart\n", &files).unwrap();
        assert!(chart.starts_with("a chart, ") && chart.ends_with("`path` must be `apps/cart`"), "{chart}");
    }
}
