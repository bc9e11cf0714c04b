//! `/proc/stat`, `meminfo`, `loadavg` and `net/dev`, see proc(5).

use super::Point;

/// The kernel counts time in `/proc/stat` in hundredths of a second (USER_HZ) on every architecture
/// that Linux still has.
const USER_HZ: f64 = 100.0;

const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

/// CPU times, boot time, context switches, forks and processes.
pub(super) fn stat(text: &str) -> Vec<Point> {
    let mut points = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next() else { continue };
        let numbers: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
        let first = numbers.first().copied().unwrap_or_default();
        match name {
            "btime" => points.push(Point::new("node_boot_time_seconds", &[], first)),
            "ctxt" => points.push(Point::new("node_context_switches_total", &[], first)),
            "processes" => points.push(Point::new("node_forks_total", &[], first)),
            "procs_running" => points.push(Point::new("node_procs_running", &[], first)),
            "procs_blocked" => points.push(Point::new("node_procs_blocked", &[], first)),
            _ => points.extend(cpu(name, &numbers)),
        }
    }
    points
}

fn cpu(name: &str, ticks: &[f64]) -> Vec<Point> {
    let number = name
        .strip_prefix("cpu")
        .filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(number) = number else { return Vec::new() };
    let point = |(mode, ticks): (&&str, &f64)| {
        Point::new("node_cpu_seconds_total", &[("cpu", number), ("mode", mode)], ticks / USER_HZ)
    };
    MODES.iter().zip(ticks).map(point).collect()
}

/// `MemTotal:  16384 kB` becomes `node_memory_MemTotal_bytes`; `Active(anon)` `Active_anon`.
pub(super) fn memory(text: &str) -> Vec<Point> {
    let point = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let mut words = rest.split_ascii_whitespace();
        let value: f64 = words.next()?.parse().ok()?;
        let name = name.replace('(', "_").replace(')', "");
        Some(match words.next() {
            Some("kB") => Point::new(format!("node_memory_{name}_bytes"), &[], value * 1024.0),
            _ => Point::new(format!("node_memory_{name}"), &[], value),
        })
    };
    text.lines().filter_map(point).collect()
}

/// Load averages.
pub(super) fn load(text: &str) -> Vec<Point> {
    let values = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
    ["node_load1", "node_load5", "node_load15"]
        .into_iter()
        .zip(values)
        .map(|(name, value)| Point::new(name, &[], value))
        .collect()
}

/// Bytes, packets, errors and drops by device.
pub(super) fn network(text: &str) -> Vec<Point> {
    // The columns of the file that are kept: place, direction, what.
    const COLUMNS: [(usize, &str, &str); 8] = [
        (0, "receive", "bytes"),
        (1, "receive", "packets"),
        (2, "receive", "errs"),
        (3, "receive", "drop"),
        (8, "transmit", "bytes"),
        (9, "transmit", "packets"),
        (10, "transmit", "errs"),
        (11, "transmit", "drop"),
    ];
    let device = |line: &str| -> Option<Vec<Point>> {
        let (device, rest) = line.split_once(':')?;
        let numbers: Vec<f64> = rest.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        let point = |(at, direction, what): (usize, &str, &str)| {
            let name = format!("node_network_{direction}_{what}_total");
            Some(Point::new(name, &[("device", device.trim())], *numbers.get(at)?))
        };
        Some(COLUMNS.into_iter().filter_map(point).collect())
    };
    text.lines().filter_map(device).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(points: &[Point], metric: &str, label: &str) -> Option<f64> {
        let has = |point: &&Point| label.is_empty() || point.labels.iter().any(|(_, value)| value == label);
        points.iter().filter(|point| point.metric == metric).find(has).map(|point| point.value)
    }

    #[test]
    fn files_of_the_kernel_give_node_exporters_names() {
        let stat = stat("cpu  9 9 9 9\ncpu0 100 0 50 800 5 0 1 0 0 0\nintr 5 1\nctxt 77\nbtime 1700000000\n\ncpux 1\n");
        assert_eq!(stat.len(), 8 + 2);
        assert_eq!(value(&stat, "node_cpu_seconds_total", "idle"), Some(8.0));
        assert_eq!(value(&stat, "node_boot_time_seconds", ""), Some(1.7e9));
        let memory = memory("MemTotal:  2 kB\nActive(anon): 1 kB\nHugePages_Total: 3\nbad\nBad: x kB\n");
        assert_eq!(value(&memory, "node_memory_MemTotal_bytes", ""), Some(2048.0));
        assert_eq!(value(&memory, "node_memory_Active_anon_bytes", ""), Some(1024.0));
        assert_eq!(value(&memory, "node_memory_HugePages_Total", ""), Some(3.0));
        assert_eq!(load("0.5 1.25 2 1/99 7").iter().map(|point| point.value).collect::<Vec<_>>(), [0.5, 1.25, 2.0]);
        let network = network("Inter-| Receive\n face |bytes\n  eth0: 10 1 0 2 0 0 0 0 20 3 0 0 0 0 0 0\n    lo:1\n");
        assert_eq!(value(&network, "node_network_transmit_bytes_total", "eth0"), Some(20.0));
        assert_eq!(value(&network, "node_network_receive_drop_total", "eth0"), Some(2.0));
        assert_eq!(value(&network, "node_network_receive_bytes_total", "lo"), Some(1.0));
    }
}
