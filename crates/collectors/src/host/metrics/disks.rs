//! `/proc/diskstats`, see the kernel's Documentation/admin-guide/iostats.rst.

use super::Point;

/// A sector of this file has 512 bytes, whatever the disk's are.
const SECTOR: f64 = 512.0;

/// The columns that are kept: place after the name, metric, factor.
const COLUMNS: [(usize, &str, f64); 8] = [
    (0, "node_disk_reads_completed_total", 1.0),
    (2, "node_disk_read_bytes_total", SECTOR),
    (3, "node_disk_read_time_seconds_total", 0.001),
    (4, "node_disk_writes_completed_total", 1.0),
    (6, "node_disk_written_bytes_total", SECTOR),
    (7, "node_disk_write_time_seconds_total", 0.001),
    (8, "node_disk_io_now", 1.0),
    (9, "node_disk_io_time_seconds_total", 0.001),
];

/// Counters by device; RAM disks, loop devices and partitions are left out, as node_exporter does.
pub(super) fn points(text: &str) -> Vec<Point> {
    let device = |line: &str| -> Option<Vec<Point>> {
        let mut words = line.split_ascii_whitespace().skip(2);
        let name = words.next().filter(|name| !is_part(name))?;
        let numbers: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
        let point = |(at, metric, factor): (usize, &str, f64)| {
            Some(Point::new(metric, &[("device", name)], numbers.get(at)? * factor))
        };
        Some(COLUMNS.into_iter().filter_map(point).collect())
    };
    text.lines().filter_map(device).flatten().collect()
}

/// `ram0`, `loop1`, `fd0`, `sda1`, `vdb2`, `nvme0n1p3`.
fn is_part(name: &str) -> bool {
    let numbered = |start: &str| {
        name.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let ends_in_digit = name.ends_with(|c: char| c.is_ascii_digit());
    let disk = ["sd", "vd", "xvd", "hd"].iter().any(|start| name.starts_with(start));
    let nvme = name.starts_with("nvme")
        && name.rsplit_once('p').is_some_and(|(_, rest)| rest.bytes().all(|byte| byte.is_ascii_digit()));
    ["ram", "loop", "fd"].iter().any(|start| numbered(start)) || (disk && ends_in_digit) || nvme
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_disks_are_counted_in_bytes_and_seconds() {
        let text = "   8 0 sda 10 0 4 2000 20 0 8 3000 1 5000 0\n   8 1 sda1 1 0 1 1 1 0 1 1 0 1 1\n 7 0 loop0 1\n bad\n 259 0 nvme0n1 7 0 2 1\n";
        let points = points(text);
        let value = |metric: &str, device: &str| {
            let found = points.iter().find(|point| point.metric == metric && point.labels[0].1 == device);
            found.map(|point| point.value)
        };
        assert_eq!(value("node_disk_read_bytes_total", "sda"), Some(2048.0));
        assert_eq!(value("node_disk_written_bytes_total", "sda"), Some(4096.0));
        assert_eq!(value("node_disk_io_time_seconds_total", "sda"), Some(5.0));
        assert_eq!(value("node_disk_reads_completed_total", "nvme0n1"), Some(7.0));
        assert_eq!(
            (value("node_disk_io_now", "sda1"), value("node_disk_reads_completed_total", "loop0")),
            (None, None)
        );
        assert!(is_part("nvme0n1p3") && is_part("vdb2") && !is_part("dm-0") && !is_part("vda"));
    }
}
