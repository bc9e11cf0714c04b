//! Nothing: its manifest gives the crates below many others one set of features, whichever of our
//! crates is built. Otherwise a build of another selection builds DataFusion again, for minutes.
