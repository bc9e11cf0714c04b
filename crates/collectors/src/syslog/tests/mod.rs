//! Against real sockets on this host, over a log in memory.

mod connections;
mod datagrams;
mod messages;
mod senders;
mod tls;
mod world;
