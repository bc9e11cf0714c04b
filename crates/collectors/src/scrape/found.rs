use scrape::discovery::Group;

/// What a discovery found: all of it.
pub(super) struct Discovered {
    /// Which discovery.
    pub from: usize,
    pub groups: Vec<Group>,
}
