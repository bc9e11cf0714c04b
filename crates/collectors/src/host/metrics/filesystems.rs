use std::collections::BTreeSet;

use super::Point;
use crate::host::{Place, input};

/// File systems that hold no one's files, or are on another machine: asking those may take for ever.
const LEFT_OUT: [&str; 36] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "erofs",
    "sysfs",
    "tracefs",
    "efivarfs",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "ceph",
    "glusterfs",
    "9p",
    "lustre",
    "afs",
    "beegfs",
];

/// A mounted file system: device, mount point, type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mount {
    device: String,
    mountpoint: String,
    fstype: String,
}

/// Sizes of the mounted file systems. May block for as long as one does not answer.
pub(super) fn points(place: &Place) -> Vec<Point> {
    let mounts = mounts(&input::text(&place.path("/proc/self/mounts")).unwrap_or_default());
    mounts.iter().flat_map(|mount| sizes(place, mount)).collect()
}

fn sizes(place: &Place, mount: &Mount) -> Vec<Point> {
    let labels = [
        ("device", mount.device.as_str()),
        ("fstype", mount.fstype.as_str()),
        ("mountpoint", mount.mountpoint.as_str()),
    ];
    let Ok(stat) = rustix::fs::statvfs(place.path(&mount.mountpoint)) else { return Vec::new() };
    let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
    let values = [
        ("node_filesystem_size_bytes", bytes(stat.f_blocks)),
        ("node_filesystem_free_bytes", bytes(stat.f_bfree)),
        ("node_filesystem_avail_bytes", bytes(stat.f_bavail)),
        ("node_filesystem_files", stat.f_files as f64),
        ("node_filesystem_files_free", stat.f_ffree as f64),
        ("node_filesystem_readonly", f64::from(u8::from(stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY)))),
    ];
    values.into_iter().map(|(metric, value)| Point::new(metric, &labels, value)).collect()
}

/// Lines of `/proc/self/mounts`: device, mount point, type, options. White space is written in octal.
fn mounts(text: &str) -> BTreeSet<Mount> {
    let mount = |line: &str| {
        let mut words = line.split(' ').map(unescape);
        let (device, mountpoint, fstype) = (words.next()?, words.next()?, words.next()?);
        let fuse = fstype.starts_with("fuse.");
        (!fuse && !LEFT_OUT.contains(&fstype.as_str())).then_some(Mount { device, mountpoint, fstype })
    };
    text.lines().filter_map(mount).collect()
}

fn unescape(word: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(word.to_owned(), |word, (from, to)| word.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_measured_and_views_and_remote_ones_are_not() {
        let mounts = mounts(
            "/dev/vda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\nsrv:/x /mnt nfs4 rw 0 0\n/dev/b /a\\040b xfs ro 0 0\nx y fuse.sshfs rw\nbad\n",
        );
        let shown: Vec<(&str, &str)> =
            mounts.iter().map(|mount| (mount.device.as_str(), mount.mountpoint.as_str())).collect();
        assert_eq!(shown, [("/dev/b", "/a b"), ("/dev/vda1", "/")]);
    }

    #[test]
    fn a_size_is_given_in_bytes() {
        let mount = Mount { device: "d".to_owned(), mountpoint: "/".to_owned(), fstype: "f".to_owned() };
        let points = sizes(&Place::new(None, None), &mount);
        assert!(points.iter().any(|point| point.metric == "node_filesystem_size_bytes" && point.value > 1e6));
    }
}
