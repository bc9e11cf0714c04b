//! Live objects as they are received: read, judged, made into documents.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use model::{FieldChange, Verdict};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;

use crate::canonical::Canonical;
use crate::compare::{Found, Side, judge_found};
use crate::controllers::Controllers;
use crate::managed::Managed;
use crate::origins::{Node, Origin, Origins};
use crate::schema::{ApiKind, Shape, TypeId};
use crate::tree::{Shown as _, Text, Tree, skip};
use crate::walk::{Spot, Walk};

/// A text that is no object.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not UTF-8.
    #[error("not UTF-8: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// An object in canonical form, which borrows from what it was read from. Where a field comes from is
/// looked for when somebody asks: of most objects nobody ever does.
pub struct Live<'a> {
    canonical: Canonical<'a>,
    tree: Tree<'a>,
    shape: Shape,
    managed: Managed<'a>,
}

impl<'a> Canonical<'a> {
    /// The object that this JSON text holds.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn live(&self, json: &'a [u8]) -> Result<Live<'a>, ReadError> {
        let text = std::str::from_utf8(json)?;
        self.received(&Head::read(text), |managed, of, secret| {
            let mut json = serde_json::Deserializer::from_str(text);
            let tree = self.object(&mut json, of, secret, managed)?;
            json.end().map(|()| tree)
        })
        .map_err(ReadError::Json)
    }

    /// The object in canonical form, without its version, kind and name, and where its fields come
    /// from. Of a manifest, which nobody owns yet, only which of them are defaults.
    pub fn read(&self, object: Value, controllers: &Controllers) -> (Value, Origins) {
        let canonical = Canonical { schema: self.schema, key: self.key };
        let text = |member: &str| object.get(member).and_then(Value::as_str).map(Cow::Borrowed);
        let head = Head { api_version: text("apiVersion"), kind: text("kind") };
        let live = canonical.received(&head, |managed, of, secret| canonical.object(&object, of, secret, managed));
        // A value has been read already, so that there is nothing in it that could be broken.
        live.map(|live| live.document(controllers)).unwrap_or_else(|_| (Value::Null, Origins::default()))
    }

    /// Reads with managedFields, and without if they are not as they should be.
    fn received<E>(
        &self,
        head: &Head<'_>,
        read: impl Fn(Option<&Cell<Managed<'a>>>, Option<TypeId>, bool) -> Result<Tree<'a>, E>,
    ) -> Result<Live<'a>, E> {
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        let kind = ApiKind { api_version: text(&head.api_version), kind: text(&head.kind) };
        let (of, secret) = (self.schema.kind(&kind), kind.kind == "Secret" && kind.api_version == "v1");
        let managed = Cell::default();
        let tree = read(Some(&managed), of, secret).or_else(|_| {
            managed.take();
            read(None, of, secret)
        })?;
        let shape = of.map_or(Shape::Any, Shape::Object);
        Ok(Live { canonical: *self, tree, shape, managed: managed.into_inner() })
    }
}

impl Live<'_> {
    /// The tree, and where all of its fields come from.
    pub fn document(&self, controllers: &Controllers) -> (Value, Origins) {
        let mut walk = Walk::new(self.canonical, &self.managed, controllers);
        let node = walk.node(&self.tree, &Spot::Of(&self.shape));
        (self.tree.value(), Origins::new(walk.origins(0).collect(), node))
    }

    /// What it is against what is declared: says what [`crate::judge`] says of its document.
    pub fn judge(
        &self,
        declared: Side<'_>,
        earlier: &[Side<'_>],
        controllers: &Controllers,
    ) -> (Verdict, Vec<FieldChange>) {
        judge_found(declared, &mut Asked::new(self, controllers), earlier)
    }
}

/// A live object whose origins are found one by one.
struct Asked<'a> {
    tree: &'a Tree<'a>,
    walk: Walk<'a>,
    root: Spot<'a>,
    /// The steps down to what was asked for last.
    way: Vec<(Cow<'a, str>, &'a Tree<'a>, Spot<'a>)>,
    origins: Vec<Origin>,
}

impl<'a> Asked<'a> {
    fn new(live: &'a Live<'_>, controllers: &'a Controllers) -> Self {
        let walk = Walk::new(live.canonical, &live.managed, controllers);
        Self { tree: &live.tree, walk, root: Spot::Of(&live.shape), way: Vec::with_capacity(16), origins: Vec::new() }
    }

    /// Goes to that place from where the last question led.
    fn go(&mut self, path: &[Cow<'a, str>]) -> Option<()> {
        let common = self.way.iter().zip(path).take_while(|((name, ..), step)| name == *step).count();
        while self.way.len() > common {
            self.way.pop();
            self.walk.up();
        }
        for step in &path[common..] {
            let (value, spot) = self.way.last().map_or((self.tree, &self.root), |(_, value, spot)| (*value, spot));
            let member = match value {
                Tree::List(items) => items.get(step.parse::<usize>().ok()?)?,
                value => value.get(step)?,
            };
            let below = self.walk.down(value, spot, step.clone(), member);
            self.way.push((step.clone(), member, below));
        }
        Some(())
    }
}

impl<'a> Found<'a> for Asked<'a> {
    type Tree = Tree<'a>;

    fn tree(&self) -> &'a Tree<'a> {
        self.tree
    }

    fn node(&mut self, path: &[Cow<'a, str>]) -> Option<Cow<'a, Node>> {
        self.go(path)?;
        let (value, spot) = self.way.last().map_or((self.tree, &self.root), |(_, value, spot)| (*value, spot));
        let node = self.walk.node(value, spot);
        self.origins.extend(self.walk.origins(self.origins.len()));
        Some(Cow::Owned(node))
    }

    fn origin(&self, source: usize) -> &Origin {
        self.origins.get(source).unwrap_or(&Origin::Unknown)
    }
}

/// What an object says that it is.
#[derive(Default)]
struct Head<'a> {
    api_version: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// Looks no further than it must: servers say first what they send. What is broken is found when
    /// the whole is read.
    fn read(text: &'a str) -> Self {
        let mut head = Self::default();
        let _ = serde_json::Deserializer::from_str(text).deserialize_map(Names(&mut head));
        head
    }
}

struct Names<'h, 'a>(&'h mut Head<'a>);

impl<'de> Visitor<'de> for Names<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while self.0.api_version.is_none() || self.0.kind.is_none() {
            let Some(name) = map.next_key_seed(Text)? else { break };
            match name.as_ref() {
                "apiVersion" => self.0.api_version = Some(map.next_value_seed(Text)?),
                "kind" => self.0.kind = Some(map.next_value_seed(Text)?),
                _ => skip(&mut map)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::DigestKey;
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    fn same(json: &str) -> Value {
        let key = DigestKey::from_bytes([3; 32]);
        let (canonical, controllers) = (Canonical { schema: Schema::builtin(), key: &key }, Controllers::new(&[]));
        let document = canonical.live(json.as_bytes()).unwrap().document(&controllers);
        assert_eq!(document, canonical.read(serde_json::from_str(json).unwrap(), &controllers), "{json}");
        document.0
    }

    #[test]
    fn the_order_and_repetition_of_members_do_not_matter() {
        let orders = [
            r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"a":"1","b":"\u00e9\n"}}"#,
            r#"{"data":{"b":"\u00e9\n","a":"1"},"metadata":{"name":"a"},"apiVersion":"v1","kind":"ConfigMap"}"#,
            r#"{"data":{"c":"2","b":"0","b":"é\n","a":"1","c":null},"apiVersion":"v1","metadata":{},"kind":"ConfigMap"}"#,
        ];
        for order in orders {
            assert_eq!(same(order), json!({"metadata": {}, "data": {"a": "1", "b": "\u{e9}\n"}}));
        }
    }

    #[test]
    fn values_of_secrets_are_digests_wherever_their_kind_is_said() {
        let first = same(r#"{"kind":"Secret","apiVersion":"v1","data":{"a":"YQ==","b":"Yg==","c":null}}"#);
        let last = same(r#"{"stringData":{"b":"b","c":""},"data":{"a":"Y Q=\n="},"apiVersion":"v1","kind":"Secret"}"#);
        assert_eq!(first, last);
        assert!(first["data"]["a"].as_str().is_some_and(|text| text.starts_with("keyed:")), "{first}");
    }

    #[test]
    fn managed_fields_of_another_form_say_nothing() {
        for managed in ["null", "[]", "7", "[7]", r#"[{"manager":7}]"#, r#"[{"manager":"a","fieldsV1":{"f:data":1}}]"#]
        {
            let json = format!(r#"{{"metadata":{{"managedFields":{managed},"labels":{{"a":"b"}}}},"kind":"X"}}"#);
            assert_eq!(same(&json), json!({"metadata": {"labels": {"a": "b"}}}));
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let key = DigestKey::from_bytes([3; 32]);
        let canonical = Canonical { schema: Schema::builtin(), key: &key };
        for json in [&b"{"[..], b"", b"{} {}", b"{\"a\":tru}", b"{\"a\":\"\xff\"}"] {
            assert!(canonical.live(json).is_err());
        }
    }
}
