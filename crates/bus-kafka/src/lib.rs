//! bus-kafka
