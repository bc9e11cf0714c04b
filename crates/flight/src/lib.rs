//! SQL over Arrow Flight.
