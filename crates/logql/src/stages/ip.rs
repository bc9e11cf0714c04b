//! Ranges of addresses, and addresses within lines.

use std::net::IpAddr;

/// `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`, and the same of version 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("ip: invalid pattern: {text}");
        let address = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| wrong());
        if let Some((network, bits)) = text.split_once('/') {
            return within(address(network)?, bits.parse().map_err(|_| wrong())?).ok_or_else(wrong);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (address(first)?, address(last)?);
        let alike = first.is_ipv4() == last.is_ipv4();
        if alike && first <= last { Ok(Self { first, last }) } else { Err(wrong()) }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }

    /// Whether a text is an address of the range.
    fn is(&self, text: &str) -> bool {
        text.parse().is_ok_and(|address| self.contains(address))
    }

    /// Whether an address of the range is in a line.
    pub(crate) fn find(&self, line: &str) -> bool {
        let part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
        let mut at = 0;
        let bytes = line.as_bytes();
        while at < bytes.len() {
            let length = bytes.iter().skip(at).take_while(|byte| part(byte)).count();
            // The shortest addresses are `::` and `0.0.0.0`.
            if length > 1 && self.is_run(line.get(at..at + length).unwrap_or_default()) {
                return true;
            }
            at += length.max(1);
        }
        false
    }

    /// Whether what looks like an address is one, with a port perhaps.
    fn is_run(&self, run: &str) -> bool {
        if self.is(run) {
            return true;
        }
        let trimmed = run.trim_matches(['.', ':']);
        let host = trimmed.split_once(':').map_or(trimmed, |(host, _)| host);
        self.is(trimmed) || self.is(host)
    }
}

/// The addresses of a network.
fn within(address: IpAddr, bits: u32) -> Option<IpRange> {
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = u32::from(address) & !rest;
            (bits <= 32).then(|| IpRange { first: IpAddr::V4(first.into()), last: IpAddr::V4((first | rest).into()) })
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = u128::from(address) & !rest;
            (bits <= 128).then(|| IpRange { first: IpAddr::V6(first.into()), last: IpAddr::V6((first | rest).into()) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_lines() {
        for (range, line, expected) in [
            ("192.168.0.0/16", "from 192.168.4.5:8080 to 10.0.0.1", true),
            ("192.168.0.0/16", "from 192.169.4.5", false),
            ("10.0.0.1-10.0.0.9", "10.0.0.5.", true),
            ("10.0.0.1", "110.0.0.1", false),
            ("2001:db8::/32", "[2001:db8::1]:443", true),
            ("::1", "feed ::1", true),
            ("0.0.0.0/0", "version 1.2.3", false),
        ] {
            assert_eq!(IpRange::parse(range).unwrap().find(line), expected, "{range} {line}");
        }
        for wrong in ["", "10.0.0", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.1-::1"] {
            assert!(IpRange::parse(wrong).is_err(), "{wrong}");
        }
    }
}
