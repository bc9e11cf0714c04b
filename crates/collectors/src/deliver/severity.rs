/// OpenTelemetry's severity numbers, by syslog's from 0 (emergency) to 7 (debug), and their texts: its data model of
/// logs, appendix B.
const SEVERITIES: [(i64, &str); 8] =
    [(21, "FATAL"), (19, "ERROR"), (18, "ERROR"), (17, "ERROR"), (13, "WARN"), (10, "INFO"), (9, "INFO"), (5, "DEBUG")];

/// The severity number and text of a severity of syslog.
pub(crate) fn severity(syslog: usize) -> Option<(i64, &'static str)> {
    SEVERITIES.get(syslog).copied()
}
