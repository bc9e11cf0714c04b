//! What else is read of a cluster: releases of Helm, and audit logs.

use kubernetes::audit::Write;
use kubernetes::helm::Release;
use serde_json::{Value, json};
use std::io::Write as _;

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let release = br#"{"name":"web","namespace":"shop","version":3,"manifest":"kind: X\n","info":{"status":"deployed","last_deployed":"2026-11-26T05:00:10.4Z","description":"Rollback to 1"},"chart":{"metadata":{"name":"web","version":"1.2.3"}}}"#;
    let mut seeds = seeds::of(&[
        r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"stage":"ResponseComplete","verb":"patch","requestURI":"/apis/apps/v1/x?fieldManager=k&dryRun","user":{"username":"a"},"impersonatedUser":{"username":"b"},"sourceIPs":["10.0.0.1"],"userAgent":"kubectl/v1 (x)","objectRef":{"resource":"deployments","namespace":"n","name":"w","apiGroup":"apps"},"responseStatus":{"code":200},"stageTimestamp":"2026-11-26T05:00:10.4Z"}]}"#,
    ]);
    seeds.push([&[1_u8], packed(release).as_slice()].concat());
    seeds.push([&[1_u8], packed(&[b' '; 1 << 20]).as_slice()].concat());
    seeds.push([&[2_u8], release.as_slice()].concat());
    seeds
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn secret(packed: &[u8]) -> Value {
    let encoded = |bytes: &[u8]| {
        let mut text = String::new();
        wire::otlp::base64(bytes, &mut text);
        text
    };
    json!({"data": {"release": encoded(encoded(packed).as_bytes())}})
}

pub fn run(data: &[u8]) {
    let (choice, rest) = input::choice(data);
    match choice {
        1 => {
            let _ = Release::read(&secret(rest));
        }
        // What would be packed: the fuzzer finds more without gzip's checksum in its way.
        2 => {
            if let Ok(release) = Release::read(&secret(&packed(rest))) {
                assert!(release.manifest.len() <= rest.len() && release.name.len() <= rest.len());
            }
        }
        _ => {
            if let Ok(writes) = Write::read_list(data) {
                assert!(writes.iter().all(|write| write.user.chars().count() <= 300));
            }
            if let Ok(line) = std::str::from_utf8(data) {
                let _ = Write::read(line);
            }
        }
    }
}
