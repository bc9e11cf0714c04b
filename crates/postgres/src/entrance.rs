use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Clients that are not let in yet, at once, and those of one address among them. They are apart from
/// `postgres.max_connections`: who does not say who it is takes no place from who does.
const PLACES: usize = 256;
const OF_ONE: usize = 128;

/// The clients that are not let in yet, by address.
#[derive(Debug, Default)]
pub struct Entrance(Mutex<BTreeMap<IpAddr, usize>>);

/// A place at the entrance, until it is dropped.
#[derive(Debug)]
pub struct Entering {
    entrance: Arc<Entrance>,
    peer: IpAddr,
}

impl Entrance {
    /// A place for a client, if there is one.
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Entering> {
        let peer = network(peer);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.get(&peer).copied().unwrap_or(0);
        if of_peer >= OF_ONE || taken.values().sum::<usize>() >= PLACES {
            return None;
        }
        taken.insert(peer, of_peer + 1);
        Some(Entering { entrance: Arc::clone(self), peer })
    }
}

impl Drop for Entering {
    fn drop(&mut self) {
        let mut taken = self.entrance.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

/// Whom an address stands for: in IPv6, whoever has one has all of its /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_fill_the_entrance() {
        let entrance = Arc::new(Entrance::default());
        let enter = |peer: &str| entrance.enter(peer.parse().unwrap());
        let mut held: Vec<_> = (0..OF_ONE).map(|n| enter(&format!("2001:db8::{n:x}")).unwrap()).collect();
        assert!(enter("2001:db8::ffff").is_none(), "another address of the same client");
        held.extend((0..OF_ONE).map(|_| enter("::ffff:10.0.0.1").unwrap()));
        assert!(enter("10.0.0.1").is_none(), "the same address");
        held.extend((0..PLACES - 2 * OF_ONE).map(|n| enter(&format!("10.0.1.{n}")).unwrap()));
        assert!(enter("10.0.2.1").is_none(), "it is full");
        held.truncate(1);
        assert!(enter("10.0.2.1").is_some() && enter("10.0.0.1").is_some());
        held.clear();
        assert!(entrance.0.lock().unwrap().is_empty());
    }
}
