//! Schemas from the API server's OpenAPI v3 documents (`/openapi/v3/apis/apps/v1`) and from
//! manifests of CustomResourceDefinitions.

use serde_json::{Map, Value};

use super::{ApiKind, Field, Name, Schema, Shape};

/// What every name of a type begins with, and nobody needs.
const PREFIXES: &[&str] = &[
    "io.k8s.api.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
];

/// How deep the schema of a custom resource may be nested.
const DEPTH: usize = 64;

/// A document that is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It lacks a member.
    #[error("no `{0}`: it is not an OpenAPI v3 document")]
    NotOpenApi(&'static str),
    /// A definition without what a definition must have.
    #[error("CustomResourceDefinition {name}: no `{member}`")]
    Definition {
        /// Its name.
        name: String,
        /// What lacks.
        member: &'static str,
    },
}

impl Schema {
    /// Adds the types and kinds of an OpenAPI v3 document.
    ///
    /// # Errors
    /// If it is none.
    pub fn add_openapi(&mut self, document: &Value) -> Result<(), SchemaError> {
        let types = document.pointer("/components/schemas").and_then(Value::as_object);
        for (name, definition) in types.ok_or(SchemaError::NotOpenApi("components.schemas"))? {
            let name = short(name);
            if special(name).is_none() {
                self.add_type(name, definition, 0);
                self.add_kinds(name, definition);
            }
        }
        Ok(())
    }

    /// Adds the served versions of a CustomResourceDefinition (`apiextensions.k8s.io/v1`).
    ///
    /// # Errors
    /// Names what it lacks. A version without a schema is no error: nothing is known of it.
    pub fn add_definition(&mut self, definition: &Value) -> Result<(), SchemaError> {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
        let name = text("/metadata/name").unwrap_or_default().to_owned();
        let lacks = |member| SchemaError::Definition { name: name.clone(), member };
        let group = text("/spec/group").ok_or_else(|| lacks("spec.group"))?;
        let kind = text("/spec/names/kind").ok_or_else(|| lacks("spec.names.kind"))?;
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
        for version in versions.ok_or_else(|| lacks("spec.versions"))? {
            let number = version.get("name").and_then(Value::as_str).ok_or_else(|| lacks("spec.versions[].name"))?;
            let Some(shape) = version.pointer("/schema/openAPIV3Schema") else { continue };
            self.add_kind(ApiKind { api_version: format!("{group}/{number}"), kind: kind.to_owned() }, shape);
        }
        Ok(())
    }

    /// Adds a kind of custom resources by its structural schema (`openAPIV3Schema`).
    pub fn add_kind(&mut self, kind: ApiKind, shape: &Value) {
        let of = format!("{}.{}", kind.api_version.replace('/', "."), kind.kind);
        self.add_type(&of, shape, 0);
        self.add_object_meta(&of);
        let id = self.named(&of);
        self.kinds.insert(kind, id);
    }

    /// A definition says nothing of metadata, which is that of every object.
    fn add_object_meta(&mut self, name: &str) {
        let meta = self.named("meta.v1.ObjectMeta");
        if self.get(meta).fields.is_empty() {
            let id = Self::builtin().names.get("meta.v1.ObjectMeta").copied();
            let fields = id.map(|id| Self::builtin().get(id).fields.clone()).unwrap_or_default();
            let fields = fields
                .into_iter()
                .map(|(name, field)| (name, Field { shape: self.adopt(&field.shape, Self::builtin()), ..field }));
            let fields = fields.collect();
            self.types[meta.0].fields = fields;
        }
        let id = self.named(name);
        let fields = &mut self.types[id.0].fields;
        fields.retain(|(field, _)| field.as_str() != "metadata");
        fields.push(("metadata".to_owned().into(), Field::of(Shape::Object(meta))));
        fields.sort_by(|a, b| a.0.cmp(&b.0));
    }

    fn add_type(&mut self, name: &str, definition: &Value, depth: usize) {
        let empty = Map::new();
        let properties = definition.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut fields: Vec<(Name, Field)> = Vec::with_capacity(properties.len());
        for (field, definition) in properties {
            let shape = self.shape(&format!("{name}.{field}"), definition, depth);
            let default = definition.get("default").filter(|default| !default.is_null()).cloned();
            fields.push((field.clone().into(), Field { default, ..Field::of(shape) }));
        }
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        let id = self.named(name);
        self.types[id.0].fields = fields;
    }

    fn add_kinds(&mut self, name: &str, definition: &Value) {
        let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        for kind in kinds.into_iter().flatten() {
            let text = |member: &str| kind.get(member).and_then(Value::as_str).unwrap_or_default();
            let api_version = match text("group") {
                "" => text("version").to_owned(),
                group => format!("{group}/{}", text("version")),
            };
            let id = self.named(name);
            self.kinds.insert(ApiKind { api_version, kind: text("kind").to_owned() }, id);
        }
    }

    /// `path` names the type of an object that has no name of its own.
    fn shape(&mut self, path: &str, definition: &Value, depth: usize) -> Shape {
        if depth > DEPTH {
            return Shape::Any;
        }
        if let Some(name) = reference(definition) {
            let name = short(name);
            return special(name).unwrap_or_else(|| Shape::Object(self.named(name)));
        }
        let text = |member: &str| definition.get(member).and_then(Value::as_str).unwrap_or_default();
        if int_or_string(definition) {
            let quantity = text("pattern").contains("KMGTPE");
            return if quantity { Shape::Quantity } else { Shape::IntOrString };
        }
        match text("type") {
            "string" if text("format") == "byte" => Shape::Bytes,
            "string" if text("format") == "duration" => Shape::Duration,
            "string" => Shape::String,
            "integer" => Shape::Int,
            "number" => Shape::Number,
            "boolean" => Shape::Bool,
            "array" => self.list(path, definition, depth),
            "object" if definition.get("properties").is_some() => {
                self.add_type(path, definition, depth + 1);
                Shape::Object(self.named(path))
            }
            "object" => match definition.get("additionalProperties").filter(|item| item.is_object()) {
                Some(item) => Shape::Map(Box::new(self.shape(path, item, depth + 1))),
                None => Shape::Any,
            },
            _ => Shape::Any,
        }
    }

    fn list(&mut self, path: &str, definition: &Value, depth: usize) -> Shape {
        let item = definition.get("items").map_or(Shape::Any, |item| self.shape(path, item, depth + 1));
        let item = Box::new(item);
        let text = |member: &str| definition.get(member).and_then(Value::as_str);
        let keys = definition.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        let keys: Vec<String> = keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        match (text("x-kubernetes-list-type"), text("x-kubernetes-patch-merge-key")) {
            (Some("map"), _) if !keys.is_empty() => Shape::Keyed(keys, item),
            (Some("set"), _) => Shape::Set(item),
            (Some(_), _) => Shape::Atomic(item),
            (None, Some(key)) => Shape::Keyed(vec![key.to_owned()], item),
            (None, None) if text("x-kubernetes-patch-strategy") == Some("merge") => Shape::Set(item),
            (None, None) => Shape::Atomic(item),
        }
    }
}

fn short(name: &str) -> &str {
    let name = name.strip_prefix("#/components/schemas/").unwrap_or(name);
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// The type that `definition` refers to: itself, or as the only member of `allOf`.
fn reference(definition: &Value) -> Option<&str> {
    let direct = definition.get("$ref");
    direct.or_else(|| definition.pointer("/allOf/0/$ref")).and_then(Value::as_str)
}

/// Types whose values are no objects, or are anything.
fn special(name: &str) -> Option<Shape> {
    Some(match name {
        "io.k8s.apimachinery.pkg.api.resource.Quantity" => Shape::Quantity,
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString" => Shape::IntOrString,
        "meta.v1.Duration" => Shape::Duration,
        "meta.v1.Time" | "meta.v1.MicroTime" => Shape::String,
        "meta.v1.FieldsV1" | "io.k8s.apimachinery.pkg.runtime.RawExtension" | "v1.JSON" => Shape::Any,
        _ if name.ends_with(".v1.JSON") || name.contains(".JSONSchemaPropsOr") => Shape::Any,
        _ => return None,
    })
}

fn int_or_string(definition: &Value) -> bool {
    let types = |member: &str| {
        let choices = definition.get(member).and_then(Value::as_array);
        let of: Vec<&str> = choices.into_iter().flatten().filter_map(|choice| choice.get("type")?.as_str()).collect();
        of.len() == 2 && of.contains(&"string") && (of.contains(&"integer") || of.contains(&"number"))
    };
    definition.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
        || definition.get("format").and_then(Value::as_str) == Some("int-or-string")
        || types("anyOf")
        || types("oneOf")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn openapi_gives_lists_references_and_defaults() {
        let document = json!({"components": {"schemas": {
            "io.k8s.api.core.v1.Pod": {
                "type": "object",
                "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Pod"}],
                "properties": {
                    "cpu": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"},
                    "env": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                        "items": {"allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Env"}], "default": {}}},
                    "finalizers": {"type": "array", "x-kubernetes-patch-strategy": "merge", "items": {"type": "string"}},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "args": {"type": "array", "items": {"type": "string"}},
                }},
            "io.k8s.api.core.v1.Env": {"type": "object", "properties": {"name": {"type": "string", "default": ""}}},
        }}});
        let mut schema = Schema::default();
        schema.add_openapi(&document).unwrap();
        let expected = "kind v1 Pod core.v1.Pod\n\
            core.v1.Env\n  name string=\"\"\n\
            core.v1.Pod\n  args []string\n  cpu quantity\n  env [name]@core.v1.Env\n  finalizers [*]string\n  labels {}string\n";
        assert_eq!(schema.to_text(), expected);
        assert_eq!(schema.add_openapi(&json!({})), Err(SchemaError::NotOpenApi("components.schemas")));
    }

    #[test]
    fn a_definition_gives_its_versions() {
        let definition = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
            "group": "example.com", "names": {"kind": "Widget"}, "versions": [
                {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "memory": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true,
                            "pattern": "^(([KMGTPE]i))$"},
                        "port": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                        "replicas": {"type": "integer", "default": 1},
                        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    }}}}}},
                {"name": "v2"}]}});
        let mut schema = Schema::default();
        schema.add_definition(&definition).unwrap();
        let text = schema.to_text();
        assert!(text.starts_with("kind example.com/v1 Widget example.com.v1.Widget\n"), "{text}");
        let spec =
            "example.com.v1.Widget.spec\n  memory quantity\n  port int-or-string\n  replicas int=1\n  tags [*]string\n";
        assert!(text.contains(spec), "{text}");
        assert!(text.contains("  labels {}string\n"), "{text}");
        let error = schema.add_definition(&json!({"metadata": {"name": "x"}})).unwrap_err();
        assert_eq!(error.to_string(), "CustomResourceDefinition x: no `spec.group`");
    }
}
