//! What the process may do that its callers may not.

/// The capabilities `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH` (capabilities(7)), which root has.
const READS: u64 = 1 << 1 | 1 << 2;

/// Whether this process may read files that are not for everybody.
pub fn reads_for_others() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| has(&status, READS))
}

/// Whether a process of that status (proc_pid_status(5)) has one of the capabilities.
fn has(status: &str, wanted: u64) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits & wanted != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_who_was_given_it_read_for_others() {
        let has = |bits: &str| has(&format!("Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t{bits}\n"), READS);
        assert!(has("000001ffffffffff") && has("0000000000000004") && has("0000000000000002"));
        assert!(!has("0000000000000000") && !has("0000000000000400") && !has(""));
    }
}
