//! Messages as they are sent.

use crate::pb::{Bits, Enum, Int64, Many, ManyStr, Msg, Numbers, Uint32, views};
use crate::remote_write::v1::RawHistogram;

views! {
    /// A request as it is sent.
    pub struct RawRequest<'a> {
        /// Texts.
        symbols: ManyStr = 4,
        /// Series.
        timeseries: Many<RawSeries<'a>> = 5,
    }

    /// A series as it is sent.
    pub struct RawSeries<'a> {
        /// Names and values of the labels, in turn.
        labels_refs: Numbers<Uint32> = 1,
        /// Values.
        samples: Many<RawSample> = 2,
        /// Native histograms.
        histograms: Many<RawHistogram<'a>> = 3,
        /// Exemplars.
        exemplars: Many<RawExemplar<'a>> = 4,
        /// What the metric is.
        metadata: Msg<RawMetadata> = 5,
    }

    /// A value as it is sent.
    pub struct RawSample {
        /// The bits of the value.
        value: Bits = 1,
        /// Milliseconds since the epoch.
        timestamp: Int64 = 2,
        /// When counting began.
        start_timestamp: Int64 = 3,
    }

    /// An exemplar as it is sent.
    pub struct RawExemplar<'a> {
        /// Names and values of its labels, in turn.
        labels_refs: Numbers<Uint32> = 1,
        /// The bits of its value.
        value: Bits = 2,
        /// Milliseconds since the epoch.
        timestamp: Int64 = 3,
    }

    /// What a metric is, as it is sent.
    pub struct RawMetadata {
        /// Its type.
        kind: Enum = 1,
        /// What it says.
        help_ref: Uint32 = 3,
        /// Its unit.
        unit_ref: Uint32 = 4,
    }
}
