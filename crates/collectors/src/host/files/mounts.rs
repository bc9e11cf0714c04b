use std::path::Path;

/// Magic numbers of file systems that are views of the kernel, not files (`statfs(2)`, linux/magic.h).
const VIEWS: &[(u32, &str)] = &[
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x1cd1, "devpts"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0x6165_676c, "pstore"),
    (0xcafe_4a11, "bpf"),
    (0x6265_6570, "configfs"),
    (0x1980_0202, "mqueue"),
    (0x958_458f6, "hugetlbfs"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x6e73_6673, "nsfs"),
    (0xde5e_81e4, "efivarfs"),
    (0xf97c_ff8c, "selinux"),
    (0x0187, "autofs"),
];

/// Whether a directory lies on a file system that is a view of the kernel.
pub(crate) fn is_view(directory: &Path) -> bool {
    let kind = rustix::fs::statfs(directory).map(|stat| stat.f_type as u32);
    kind.is_ok_and(|kind| VIEWS.iter().any(|(magic, _)| *magic == kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_a_view_and_a_disk_is_not() {
        assert!(is_view(Path::new("/proc")));
        assert!(!is_view(Path::new("/etc")) && !is_view(Path::new("/does/not/exist")));
    }
}
