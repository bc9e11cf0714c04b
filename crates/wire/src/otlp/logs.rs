use super::common::{AnyValue, KeyValue, Resource, Scope};
use crate::pb::{Enum, Fixed32, Fixed64, Id, Many, Msg, Str, Uint32, views};

views! {
    /// `ExportLogsServiceRequest`
    pub struct LogsRequest<'a> {
        /// Records by what sends them.
        resource_logs: Many<ResourceLogs<'a>> = 1,
    }

    /// The records of a resource.
    pub struct ResourceLogs<'a> {
        /// What sends.
        resource: Msg<Resource<'a>> = 1,
        /// Records by library.
        scope_logs: Many<ScopeLogs<'a>> = 2,
        /// The schema of the resource's attributes.
        schema_url: Str = 3,
    }

    /// The records of a library.
    pub struct ScopeLogs<'a> {
        /// The library.
        scope: Msg<Scope<'a>> = 1,
        /// Its records.
        log_records: Many<LogRecord<'a>> = 2,
        /// The schema of the records.
        schema_url: Str = 3,
    }

    /// A log record.
    pub struct LogRecord<'a> {
        /// When it happened, nanoseconds since the epoch; 0 if that is not known.
        time_unix_nano: Fixed64 = 1,
        /// 1 to 24, 0 if that is not known; see [`severity`].
        severity_number: Enum = 2,
        /// The severity as the source has it.
        severity_text: Str = 3,
        /// What it says.
        body: Msg<AnyValue<'a>> = 5,
        /// What else is known.
        attributes: Many<KeyValue<'a>> = 6,
        /// How many attributes the sender left out.
        dropped_attributes_count: Uint32 = 7,
        /// The low 8 bits are W3C trace flags.
        flags: Fixed32 = 8,
        /// 16 bytes, or none.
        trace_id: Id = 9,
        /// 8 bytes, or none.
        span_id: Id = 10,
        /// When it was seen by who collects, nanoseconds since the epoch.
        observed_time_unix_nano: Fixed64 = 11,
        /// The name of the event's class, if it is an event.
        event_name: Str = 12,
    }
}

/// The short name of a severity number (`ERROR` for 17, `ERROR2` for 18), as the log data model has them.
pub fn severity(number: i32) -> Option<&'static str> {
    const NAMES: [&str; 24] = [
        "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2", "INFO3",
        "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL", "FATAL2", "FATAL3",
        "FATAL4",
    ];
    NAMES.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}
