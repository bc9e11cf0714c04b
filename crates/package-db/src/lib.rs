//! What the package databases of a host say, as text. One place, since a file that the live side
//! leaves out and the declared side does not would be drift that is none.

pub mod dpkg;
pub mod rpm;

/// Whether it is the hexadecimal form of a digest of so many digits.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
