use super::common::{KeyValue, Resource, Scope};
use crate::pb::{Enum, Fixed32, Fixed64, Id, Many, Msg, Str, Uint32, views};

views! {
    /// `ExportTraceServiceRequest`
    pub struct TracesRequest<'a> {
        /// Spans by what sends them.
        resource_spans: Many<ResourceSpans<'a>> = 1,
    }

    /// The spans of a resource.
    pub struct ResourceSpans<'a> {
        /// What sends.
        resource: Msg<Resource<'a>> = 1,
        /// Spans by library.
        scope_spans: Many<ScopeSpans<'a>> = 2,
        /// The schema of the resource's attributes.
        schema_url: Str = 3,
    }

    /// The spans of a library.
    pub struct ScopeSpans<'a> {
        /// The library.
        scope: Msg<Scope<'a>> = 1,
        /// Its spans.
        spans: Many<Span<'a>> = 2,
        /// The schema of the spans.
        schema_url: Str = 3,
    }

    /// A span.
    pub struct Span<'a> {
        /// 16 bytes.
        trace_id: Id = 1,
        /// 8 bytes.
        span_id: Id = 2,
        /// W3C `tracestate`.
        trace_state: Str = 3,
        /// 8 bytes, none of a root.
        parent_span_id: Id = 4,
        /// Its name.
        name: Str = 5,
        /// See [`kind`].
        kind: Enum = 6,
        /// When it began, nanoseconds since the epoch.
        start_time_unix_nano: Fixed64 = 7,
        /// When it ended, nanoseconds since the epoch.
        end_time_unix_nano: Fixed64 = 8,
        /// What is known.
        attributes: Many<KeyValue<'a>> = 9,
        /// How many attributes the sender left out.
        dropped_attributes_count: Uint32 = 10,
        /// What happened within.
        events: Many<Event<'a>> = 11,
        /// How many events the sender left out.
        dropped_events_count: Uint32 = 12,
        /// Other spans that it has to do with.
        links: Many<Link<'a>> = 13,
        /// How many links the sender left out.
        dropped_links_count: Uint32 = 14,
        /// How it ended.
        status: Msg<Status<'a>> = 15,
        /// The low 8 bits are W3C trace flags; 0x100 says that 0x200 is known: the parent is remote.
        flags: Fixed32 = 16,
    }

    /// What happened within a span.
    pub struct Event<'a> {
        /// When, nanoseconds since the epoch.
        time_unix_nano: Fixed64 = 1,
        /// Its name.
        name: Str = 2,
        /// What is known.
        attributes: Many<KeyValue<'a>> = 3,
        /// How many attributes the sender left out.
        dropped_attributes_count: Uint32 = 4,
    }

    /// Another span.
    pub struct Link<'a> {
        /// 16 bytes.
        trace_id: Id = 1,
        /// 8 bytes.
        span_id: Id = 2,
        /// W3C `tracestate`.
        trace_state: Str = 3,
        /// What is known.
        attributes: Many<KeyValue<'a>> = 4,
        /// How many attributes the sender left out.
        dropped_attributes_count: Uint32 = 5,
        /// As [`Span::flags`].
        flags: Fixed32 = 6,
    }

    /// How a span ended.
    pub struct Status<'a> {
        /// What went wrong.
        message: Str = 2,
        /// See [`status`].
        code: Enum = 3,
    }
}

/// The name of a kind of span; of one that nobody knows that of [`Span::kind`] 0.
pub fn kind(number: i32) -> &'static str {
    const NAMES: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
    name(&NAMES, number)
}

/// The name of a span's status; of one that nobody knows that of [`Status::code`] 0.
pub fn status(number: i32) -> &'static str {
    name(&["unset", "ok", "error"], number)
}

fn name(names: &[&'static str], number: i32) -> &'static str {
    let known = usize::try_from(number).ok().and_then(|number| names.get(number));
    known.or(names.first()).copied().unwrap_or_default()
}
