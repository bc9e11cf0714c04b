//! Which content is behind the tags that pods run: a tag that stands for two is no version.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kubernetes::{Body, Origins};
use model::{Document, Key};
use serde_json::{Map, Value, json};

/// The images of all pods.
#[derive(Debug, Default)]
pub(super) struct Images {
    pods: HashMap<Key, Vec<(String, String)>>,
    /// By image: how many pods run which digest.
    digests: BTreeMap<String, BTreeMap<String, usize>>,
    changed: BTreeSet<String>,
}

impl Images {
    /// A pod runs these images, each with its digest.
    pub(super) fn put(&mut self, pod: Key, images: Vec<(String, String)>) {
        if self.pods.get(&pod) == Some(&images) {
            return;
        }
        self.remove(pod);
        for (image, digest) in &images {
            self.changed.insert(image.clone());
            *self.digests.entry(image.clone()).or_default().entry(digest.clone()).or_default() += 1;
        }
        if !images.is_empty() {
            self.pods.insert(pod, images);
        }
    }

    /// A pod is gone.
    pub(super) fn remove(&mut self, pod: Key) {
        for (image, digest) in self.pods.remove(&pod).unwrap_or_default() {
            let Some(digests) = self.digests.get_mut(&image) else { continue };
            if let Some(count) = digests.get_mut(&digest) {
                *count -= 1;
                if *count == 0 {
                    digests.remove(&digest);
                }
            }
            if digests.is_empty() {
                self.digests.remove(&image);
            }
            self.changed.insert(image);
        }
    }

    /// The images since the last call that have, or had, other digests; without a document if no
    /// pod runs them any more.
    pub(super) fn changed(&mut self) -> Vec<(String, Option<Document>)> {
        let document = |image: &String| self.digests.get(image).map(document);
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|image| (image.clone(), document(&image))).collect()
    }
}

fn document(digests: &BTreeMap<String, usize>) -> Document {
    let digests: Map<String, Value> = digests.keys().map(|digest| (digest.clone(), json!({}))).collect();
    let tree = json!({ "digests": digests });
    Body::of(tree, Origins::unknown()).into_document()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_the_digests_of_all_its_pods() {
        let mut images = Images::default();
        let pod = |n: u8| Key([n; 16]);
        let run = |digest: &str| vec![("nginx:1".to_owned(), digest.to_owned())];
        let said = |images: &mut Images| -> Vec<Vec<String>> {
            let changed = images.changed();
            let names = |document: Option<Document>| -> Vec<String> {
                let document = document.map(|document| document.tree()["digests"].clone()).unwrap_or_default();
                document.as_object().map(|digests| digests.keys().cloned().collect()).unwrap_or_default()
            };
            changed.into_iter().map(|(_, document)| names(document)).collect()
        };
        images.put(pod(1), run("a"));
        images.put(pod(2), run("a"));
        assert_eq!(said(&mut images), [["a"]]);
        images.put(pod(2), run("b"));
        assert_eq!(said(&mut images), [["a", "b"]]);
        images.put(pod(2), run("b"));
        assert!(said(&mut images).is_empty());
        images.remove(pod(1));
        assert_eq!(said(&mut images), [["b"]]);
        images.remove(pod(2));
        assert_eq!(said(&mut images), [Vec::<String>::new()]);
        assert!(images.pods.is_empty() && images.digests.is_empty());
    }
}
