use std::sync::LazyLock;

use super::{Schema, defaults};

/// Made from Kubernetes' OpenAPI by `examples/builtin_schema.rs`.
pub(super) const TEXT: &str = include_str!("builtin.txt");

pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    // It is checked by a test; a line that cannot be read would leave a schema without types.
    let mut schema = Schema::from_text(TEXT).unwrap_or_default();
    defaults::add(&mut schema);
    schema
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ApiKind;

    #[test]
    fn it_can_be_read_and_has_the_usual_kinds() {
        let schema = Schema::from_text(TEXT).unwrap();
        for (api_version, kind) in
            [("v1", "Service"), ("apps/v1", "Deployment"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition")]
        {
            let kind = ApiKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
            assert!(schema.kind(&kind).is_some(), "{kind:?}");
        }
    }
}
