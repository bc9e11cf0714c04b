//! Datagrams that the system threw away since nobody had read those before.

use std::path::Path;

/// Where the system lists its UDP sockets.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// What the socket with that inode has lost since it was opened, if the system says so.
pub(super) fn lost(inode: u64) -> Option<u64> {
    let tables = TABLES.iter().filter_map(|table| std::fs::read_to_string(Path::new(table)).ok());
    tables.into_iter().find_map(|table| drops(&table, inode))
}

/// The last column of the line whose tenth is the inode.
fn drops(table: &str, inode: u64) -> Option<u64> {
    let of = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(9);
        let is_it = words.next()?.parse() == Ok(inode);
        if is_it { words.last()?.parse().ok() } else { None }
    };
    table.lines().skip(1).find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_socket_is_read() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            \u{20}  12: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 5\n\
            \u{20}  13: 0100007F:0203 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 77\n";
        assert_eq!((drops(table, 4711), drops(table, 4712), drops(table, 5)), (Some(5), Some(77), None));
    }
}
