//! `/canaryConfig`

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State as With};
use axum::http::StatusCode;
use kayenta::iso;
use serde_json::{Value, json};

use super::{BODY, MAX_NAME, kayenta, now, parameters, uncut};
use crate::shelf::{Index, Kind, Object, Problem, Summary};
use crate::state::State;

/// Applications of a configuration.
const MAX_APPLICATIONS: usize = 100;

/// `GET /canaryConfig?application=`
pub async fn list(With(state): With<State>, query: RawQuery) -> Result<Json<Vec<Value>>, Problem> {
    let parameters = parameters(&query);
    let wanted: Vec<&str> = parameters.all("application").filter(|name| !name.is_empty()).collect();
    let index = kayenta(&state)?.shelf.index().await?;
    let of_wanted = |summary: &Summary| {
        wanted.is_empty() || summary.applications.iter().any(|application| wanted.contains(&application.as_str()))
    };
    let entry = |(id, summary): (&str, &Summary)| {
        json!({
            "id": id, "name": summary.name, "updatedTimestamp": summary.updated,
            "updatedTimestampIso": iso(summary.updated), "applications": summary.applications,
        })
    };
    Ok(Json(index.all(Kind::Config).filter(|(_, summary)| of_wanted(summary)).map(entry).collect()))
}

/// `GET /canaryConfig/{id}`
pub async fn get(With(state): With<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(load(&state, &id).await?))
}

/// A configuration that is kept.
pub async fn load(state: &State, id: &str) -> Result<Value, Problem> {
    let document = kayenta(state)?.shelf.get(Kind::Config, id).await?;
    serde_json::from_str(&document).map_err(Problem::internal)
}

/// `POST /canaryConfig`: a new one, under its own `id` if it has one.
pub async fn post(With(state): With<State>, request: Request) -> Result<Json<Value>, Problem> {
    kayenta(&state)?;
    let mut config = super::json(request, BODY).await?;
    let id = match config.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
        Some(id) => named(id)?.to_owned(),
        None => state.rng.uuid(),
    };
    let now = now(&state);
    let given = |config: &Value, key: &str| config[key].as_i64().filter(|time| (0..=now).contains(time));
    let created = given(&config, "createdTimestamp").unwrap_or(now);
    let updated = given(&config, "updatedTimestamp").unwrap_or(created);
    let object = object(&mut config, &id, created, updated)?;
    keep(state, object, |index, object| {
        if index.get(Kind::Config, &object.id).is_some() {
            return Err(Problem::bad(format!("Canary config '{}' already exists.", object.id)));
        }
        index.has_room(Kind::Config).map_err(Problem::full)
    })
    .await
}

/// `PUT /canaryConfig/{id}`
pub async fn put(With(state): With<State>, Path(id): Path<String>, request: Request) -> Result<Json<Value>, Problem> {
    let known = kayenta(&state)?.shelf.index().await?.get(Kind::Config, &id).map(|known| known.summary.created);
    let created = known.ok_or_else(|| Problem::unknown(Kind::Config.title(), &id))?;
    let mut config = super::json(request, BODY).await?;
    let object = object(&mut config, &id, created, now(&state))?;
    keep(state, object, |index, object| match index.get(Kind::Config, &object.id) {
        Some(_) => Ok(()),
        None => Err(Problem::unknown(Kind::Config.title(), &object.id)),
    })
    .await
}

/// `DELETE /canaryConfig/{id}`
pub async fn delete(With(state): With<State>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let all = state.clone();
    uncut(&state, async move { kayenta(&all)?.shelf.remove(Kind::Config, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn keep(
    state: State,
    object: Object,
    check: impl FnOnce(&Index, &Object) -> Result<(), Problem> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    let (all, id) = (state.clone(), object.id.clone());
    let kept = async move {
        let asked = object.clone();
        let checks = move |index: &Index| {
            check(index, &asked)?;
            alone(index, &asked)
        };
        kayenta(&all)?.shelf.put(vec![object], checks).await
    };
    uncut(&state, kept).await?;
    Ok(Json(json!({ "canaryConfigId": id })))
}

/// Whoever looks for a configuration by name and application must find one.
fn alone(index: &Index, object: &Object) -> Result<(), Problem> {
    let Summary { name, applications, .. } = &object.summary;
    let shares = |other: &Summary| other.applications.iter().any(|application| applications.contains(application));
    let clashes = |(id, other): (&str, &Summary)| id != object.id && other.name == *name && shares(other);
    if index.all(Kind::Config).any(clashes) {
        let scope = applications.join(", ");
        return Err(Problem::bad(format!(
            "Canary config with name '{name}' already exists in the scope of applications [{scope}]."
        )));
    }
    Ok(())
}

/// What is kept of a configuration that was posted; its id and times are written into it.
fn object(config: &mut Value, id: &str, created: i64, updated: i64) -> Result<Object, Problem> {
    let root = config.as_object_mut().ok_or_else(|| Problem::bad("a canary config is an object"))?;
    let name = root.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Problem::bad("Canary config must specify a name."));
    }
    if name.len() > MAX_NAME || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_,".contains(c)) {
        return Err(Problem::bad(format!(
            "Canary config cannot be named '{}'. Names must contain only letters, numbers, dashes (-) and \
             underscores (_), {MAX_NAME} at most.",
            name.chars().take(MAX_NAME).collect::<String>().escape_debug()
        )));
    }
    let applications = applications(root.get("applications"))?;
    root.insert("id".to_owned(), id.into());
    for (key, time) in [("createdTimestamp", created), ("updatedTimestamp", updated)] {
        root.insert(key.to_owned(), time.into());
        root.insert(format!("{key}Iso"), iso(time).into());
    }
    let summary = Summary { name, applications, created, updated, ..Summary::default() };
    Ok(Object { kind: Kind::Config, id: id.to_owned(), summary, document: config.to_string() })
}

fn applications(list: Option<&Value>) -> Result<Vec<String>, Problem> {
    let list = list.and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Problem::bad("Canary config must specify at least one application."))?;
    let name = |value: &Value| value.as_str().filter(|name| name.len() <= MAX_NAME).map(str::to_owned);
    let names: Option<Vec<String>> = list.iter().map(name).collect();
    names.filter(|names| names.len() <= MAX_APPLICATIONS).ok_or_else(|| {
        Problem::bad(format!("applications are {MAX_APPLICATIONS} names at most, each of {MAX_NAME} bytes at most"))
    })
}

/// An id that a client chose.
fn named(id: &str) -> Result<&str, Problem> {
    let fine = id.len() <= 128 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fine { Ok(id) } else { Err(Problem::bad("an id has 128 letters, digits, dots, dashes and underscores at most")) }
}
