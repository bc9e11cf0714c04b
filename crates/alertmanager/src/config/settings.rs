//! The macro that makes a section of the configuration: a struct whose keys have defaults, which
//! refuses keys that it does not know, and which is written as it was read, without secrets.

use std::collections::BTreeMap;

/// What need not be written.
pub(crate) trait Blank {
    /// Whether it says nothing.
    fn is_blank(&self) -> bool {
        false
    }
}

impl Blank for String {}
impl Blank for bool {}
impl Blank for u64 {}
impl Blank for i64 {}
impl Blank for f64 {}

impl<T> Blank for Option<T> {
    fn is_blank(&self) -> bool {
        self.is_none()
    }
}

impl<T> Blank for Vec<T> {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Blank for BTreeMap<K, V> {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

/// A section: `Name { key: Type = default, .. }`; without a default it is the type's.
macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident { $($field:ident $(as $key:literal)? : $type:ty $(= $default:expr)?,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                #[doc = concat!("The key `", stringify!($field), "`, as Alertmanager documents it.")]
                #[serde($(rename = $key,)? skip_serializing_if = "crate::config::settings::Blank::is_blank")]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $crate::config::settings::default!($($default)?),)* }
            }
        }
    )*};
}

/// The value of a key that is not there.
macro_rules! default {
    () => {
        Default::default()
    };
    ($default:expr) => {
        ($default).into()
    };
}

pub(crate) use {default, settings};
