//! Every integration against the suite, its golden bodies and a provider that holds it to the
//! contract.

mod bodies;
mod build;
mod conformance;
mod support;
