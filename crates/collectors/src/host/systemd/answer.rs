//! What `systemctl --output=json` answers.

use collect::CollectError;
use serde::Deserialize;

use super::Units;

/// An entry of `list-unit-files`.
#[derive(Deserialize)]
struct UnitFile {
    unit_file: String,
    state: String,
}

/// An entry of `list-units`.
#[derive(Deserialize)]
struct State {
    unit: String,
    active: String,
}

/// Takes the enabled states in. What systemd itself makes while it runs (`transient`, `generated`:
/// sessions, mounts) is no unit that anybody declares, and is left out.
///
/// # Errors
/// If the answer is not JSON of that shape.
pub(super) fn unit_files(json: &str, units: &mut Units) -> Result<(), CollectError> {
    for entry in parse::<UnitFile>(json, "list-unit-files")? {
        if matches!(entry.state.as_str(), "transient" | "generated") {
            units.remove(&entry.unit_file);
        } else {
            units.entry(entry.unit_file).or_default().enabled = Some(entry.state);
        }
    }
    Ok(())
}

/// Takes the active states in, of units and of instances of templates that are known.
///
/// # Errors
/// If the answer is not JSON of that shape.
pub(super) fn states(json: &str, units: &mut Units) -> Result<(), CollectError> {
    for entry in parse::<State>(json, "list-units")? {
        if let Some(unit) = units.get_mut(&entry.unit) {
            unit.active = Some(word(&entry.active));
        }
    }
    // systemd lists what it has loaded; what it has not does not run.
    units
        .iter_mut()
        .filter(|(name, _)| !name.contains("@."))
        .for_each(|(_, unit)| _ = unit.active.get_or_insert("inactive"));
    Ok(())
}

/// On its way counts as there already: it would else be seen twice for each start.
fn word(active: &str) -> &'static str {
    match active {
        "failed" => "failed",
        "active" | "activating" | "reloading" | "refreshing" => "active",
        _ => "inactive",
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<Vec<T>, CollectError> {
    serde_json::from_str(json)
        .map_err(|error| CollectError::Source { what: format!("systemctl {what}"), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_systemctl_give_states() {
        let mut units = Units::new();
        let files = r#"[{"unit_file":"ssh.service","state":"enabled","preset":"enabled"},{"unit_file":"getty@.service","state":"enabled"},
            {"unit_file":"cron.service","state":"disabled","preset":null},{"unit_file":"session-1.scope","state":"transient"}]"#;
        unit_files(files, &mut units).unwrap();
        states(r#"[{"unit":"ssh.service","load":"loaded","active":"activating","sub":"start","description":"x"},{"unit":"x.mount","active":"active"}]"#, &mut units).unwrap();
        let shown: Vec<_> =
            units.iter().map(|(name, unit)| (name.as_str(), unit.enabled.as_deref(), unit.active)).collect();
        assert_eq!(
            shown,
            [
                ("cron.service", Some("disabled"), Some("inactive")),
                ("getty@.service", Some("enabled"), None),
                ("ssh.service", Some("enabled"), Some("active")),
            ]
        );
        assert!(unit_files("not json", &mut units).unwrap_err().to_string().contains("systemctl list-unit-files"));
    }
}
