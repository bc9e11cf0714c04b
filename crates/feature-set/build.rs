//! Its dependencies are those that are built for the machine that builds.

fn main() {}
