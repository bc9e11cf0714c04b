use base::Timestamp;

use crate::Key;
use crate::row::row;

row! {
    /// Something that Kayenta's API keeps is new, changed, or gone.
    CanaryObject in CanaryObjects {
        /// When.
        time: Timestamp,
        /// `canary_config`, `metric_set_pair_list`, `canary` (an execution) or `analysis`.
        kind: String,
        /// Its id.
        id: String,
        /// The key of kind and id.
        key: Key,
        /// Whether it is there.
        present: bool,
        /// What lists show of it, as JSON: name, applications, times, whether it is under way.
        summary: String,
        /// How long `document` is.
        bytes: i64,
        /// The whole, as JSON; empty if it is gone.
        document: String,
    }
}
