//! From a metric of a configuration and a scope to PromQL, as Kayenta's Prometheus account builds it.

use std::collections::BTreeMap;

use judge::{JudgeError, Node};

use crate::scope::{Scope, optional};
use crate::template::{Bindings, expand};
use crate::{MAX_NAME, MAX_PARTS};

/// What begins a template that is a whole expression.
const WHOLE: &str = "PromQL:";
/// Bytes of a template.
const MAX_TEMPLATE: usize = 64 << 10;

/// `query` of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `customInlineTemplate`, or the older `customFilter`.
    inline: Option<String>,
    /// `customFilterTemplate`: the name of one of the configuration's templates.
    named: Option<String>,
    metric_name: Option<String>,
    label_bindings: Vec<String>,
    group_by: Vec<String>,
    resource_type: Option<String>,
}

impl Query {
    /// Reads `query` of a metric.
    ///
    /// # Errors
    /// Names the field that is missing or wrong; a query of another store than Prometheus is.
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, JudgeError> {
        for key in ["type", "serviceType"] {
            if let Some(kind) = node.get(key)?
                && !kind.text(MAX_NAME)?.eq_ignore_ascii_case("prometheus")
            {
                return Err(kind.wrong("is not prometheus: other stores are not asked from here"));
            }
        }
        let template = |key: &str| -> Result<Option<String>, JudgeError> {
            let text = node.get(key)?.map(|node| node.text(MAX_TEMPLATE).map(str::to_owned)).transpose()?;
            Ok(text.filter(|text| !text.is_empty()))
        };
        let list = |key: &str| -> Result<Vec<String>, JudgeError> {
            let Some(list) = node.get(key)? else { return Ok(Vec::new()) };
            list.items(MAX_PARTS)?.iter().map(|item| Ok(item.text(MAX_NAME)?.to_owned())).collect()
        };
        let query = Self {
            inline: template("customInlineTemplate")?
                .map_or_else(|| template("customFilter"), |text| Ok(Some(text)))?,
            named: optional(node, "customFilterTemplate")?,
            metric_name: optional(node, "metricName")?,
            label_bindings: list("labelBindings")?,
            group_by: list("groupByFields")?,
            resource_type: optional(node, "resourceType")?,
        };
        if query.inline.is_none() && query.named.is_none() && query.metric_name.is_none() {
            return Err(node.wrong("has neither customInlineTemplate, customFilterTemplate nor metricName"));
        }
        Ok(query)
    }

    /// The expression for one arm; what is in the way otherwise.
    pub(crate) fn promql(&self, templates: &BTreeMap<String, String>, scope: &Scope) -> Result<String, String> {
        let mut bindings = scope.bindings();
        let resource = self.resource_type.as_ref().or_else(|| scope.params.get("resourceType"));
        if let Some(resource) = resource {
            bindings.insert("resourceType".to_owned(), resource.clone());
        }
        let filter = self.template(templates)?.map(|template| expand(template, &bindings)).transpose()?;
        if let Some(whole) = filter.as_deref().and_then(|filter| filter.strip_prefix(WHOLE)) {
            return Ok(whole.to_owned());
        }
        let name = self.metric_name.as_deref().ok_or("needs metricName, since its template is no `PromQL:...`")?;
        let filters = self.filters(filter, resource.map(String::as_str), scope, &bindings)?;
        let matchers = if filters.is_empty() { String::new() } else { format!("{{{}}}", filters.join(",")) };
        let by = if self.group_by.is_empty() { String::new() } else { format!(" by ({})", self.group_by.join(",")) };
        Ok(format!("avg({name}{matchers}){by}"))
    }

    fn template<'a>(&'a self, templates: &'a BTreeMap<String, String>) -> Result<Option<&'a String>, String> {
        match (&self.inline, &self.named) {
            (Some(inline), _) => Ok(Some(inline)),
            (None, Some(name)) => {
                let found = templates.get(name);
                Ok(Some(found.ok_or_else(|| format!("Custom filter template '{name}' was not found."))?))
            }
            (None, None) => Ok(None),
        }
    }

    /// What stands between the braces.
    fn filters(
        &self,
        custom: Option<String>,
        resource: Option<&str>,
        scope: &Scope,
        bindings: &Bindings,
    ) -> Result<Vec<String>, String> {
        let labels = self.label_bindings.iter().map(|label| expand(label, bindings));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        let of_resource = match (custom, resource) {
            (Some(custom), _) => return Ok([vec![custom], labels].concat()),
            (None, Some("gce_instance")) => instances_of_gce(scope)?,
            (None, Some("aws_ec2_instance")) => instances_of_ec2(scope)?,
            (None, Some(other)) => {
                return Err(format!("There is no explicit support for resourceType '{other}'; use a template."));
            }
            // Label bindings may name the scope themselves.
            (None, None) => Vec::new(),
        };
        Ok([labels, of_resource].concat())
    }
}

fn location<'a>(scope: &'a Scope, resource: &str) -> Result<&'a str, String> {
    let missing = || format!("Location (i.e. region) is required when resourceType is '{resource}'.");
    scope.location.as_deref().ok_or_else(missing)
}

fn instances_of_gce(scope: &Scope) -> Result<Vec<String>, String> {
    let location = location(scope, "gce_instance")?;
    let project = scope.params.get("project").map(|project| format!("projects/{project}/")).unwrap_or_default();
    let mut out = Vec::new();
    if !scope.scope.is_empty() {
        out.push(format!("instance=~\"{}-.{{4}}\"", scope.scope));
    }
    out.push(format!("zone=~\".+/{project}zones/{location}-.{{1}}\""));
    Ok(out)
}

fn instances_of_ec2(scope: &Scope) -> Result<Vec<String>, String> {
    let location = location(scope, "aws_ec2_instance")?;
    let mut out = Vec::new();
    if !scope.scope.is_empty() {
        out.push(format!("asg_groupName=\"{}\"", scope.scope));
    }
    out.push(format!("zone=~\"{location}.{{1}}\""));
    Ok(out)
}
