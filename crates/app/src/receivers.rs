//! Receivers of the configuration, made by the integration that each names.

use base::Clock;
use integrations::{BuildError, Context, Inbound, Plugin};
use notify::Integration;
use serde_json::Value;

use crate::{AppError, Config, ReceiverConfig};

/// Makes the receiver's integration; reads its secrets.
///
/// # Errors
/// Names the receiver and the setting.
pub(crate) fn build(
    receiver: &ReceiverConfig,
    config: &Config,
    clock: &Clock,
) -> Result<Box<dyn Integration>, AppError> {
    let (plugin, settings) = named(receiver)?;
    let timeout = receiver.limits.timeout;
    let external_url = config.server.external_url.clone().unwrap_or_default();
    let context = Context { receiver: receiver.name.clone(), external_url, timeout, clock: clock.clone() };
    (plugin.build)(settings, &context).map_err(|error| unmade(receiver, &error))
}

/// Whether the receiver could be made, were its secrets there.
///
/// # Errors
/// Names the receiver and the setting.
pub(crate) fn shape(receiver: &ReceiverConfig) -> Result<(), AppError> {
    let (plugin, settings) = named(receiver)?;
    let context =
        Context { receiver: receiver.name.clone(), external_url: String::new(), timeout: None, clock: Clock::system() };
    match (plugin.build)(settings, &context) {
        Ok(_) | Err(BuildError::Secret { .. }) => Ok(()),
        Err(error) => Err(unmade(receiver, &error)),
    }
}

/// The name of an integration, and what its provider posts back.
pub(crate) type Posting = (&'static str, Box<dyn Inbound>);

/// What the receiver's provider posts back, with the name of the integration; reads its secret.
///
/// # Errors
/// Names the receiver and the setting.
pub(crate) fn inbound(receiver: &ReceiverConfig) -> Result<Option<Posting>, AppError> {
    let (plugin, settings) = named(receiver)?;
    let built = plugin.inbound.map_or(Ok(None), |build| build(settings));
    built.map(|inbound| Some((plugin.kind, inbound?))).map_err(|error| unmade(receiver, &error))
}

/// Whether its provider posts back, were the secret there.
pub(crate) fn reacts(receiver: &ReceiverConfig) -> bool {
    let built = named(receiver).ok().and_then(|(plugin, settings)| Some(plugin.inbound?(settings)));
    built.is_some_and(|built| !matches!(built, Ok(None)))
}

/// Whether it rolls back canaries that fail, and is told nothing else.
pub(crate) fn rolls_back(receiver: &ReceiverConfig) -> bool {
    receiver.integration.contains_key(integrations::ROLLBACK)
}

/// Whether its provider wakes nobody for what is told of an open incident.
pub(crate) fn wakes_once(receiver: &ReceiverConfig) -> bool {
    named(receiver).is_ok_and(|(plugin, _)| plugin.wakes_once)
}

fn named(receiver: &ReceiverConfig) -> Result<(Plugin, &Value), AppError> {
    let plugins = integrations::all();
    let kinds: Vec<&str> = plugins.iter().map(|plugin| plugin.kind).collect();
    if let Some(other) = receiver.integration.keys().find(|key| !kinds.contains(&key.as_str())) {
        let problem = format!(
            "unknown key `{other}`; known are: name, min_severity, scopes, fallback, escalate_after, only_as_fallback, again_after, limits, {}",
            kinds.join(", ")
        );
        return Err(wrong(receiver, &problem));
    }
    let mut ways = receiver.integration.iter();
    match (ways.next(), ways.next()) {
        (Some((key, settings)), None) => {
            let plugin = plugins.into_iter().find(|plugin| plugin.kind == key);
            plugin.map(|plugin| (plugin, settings)).ok_or_else(|| wrong(receiver, &"it names no integration"))
        }
        _ => Err(wrong(receiver, &format!("it needs exactly one of: {}", kinds.join(", ")))),
    }
}

fn unmade(receiver: &ReceiverConfig, error: &BuildError) -> AppError {
    match error {
        BuildError::Secret { .. } => AppError::secret(format!("receivers.{}", receiver.name), error),
        _ => wrong(receiver, error),
    }
}

fn wrong(receiver: &ReceiverConfig, problem: &dyn std::fmt::Display) -> AppError {
    AppError::part(format!("receivers.{}", receiver.name), problem)
}
