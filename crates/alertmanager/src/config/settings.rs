//! The macro that makes a section of the configuration: a struct whose keys have defaults, which
//! refuses keys that it does not know, and which is written as it was read, without secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// What a key can have.
pub(crate) trait Setting: Sized {
    /// Whether it says nothing and need not be written.
    fn is_blank(&self) -> bool {
        false
    }

    /// Reads it.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>
    where
        Self: Deserialize<'de>,
    {
        Self::deserialize(deserializer)
    }
}

impl Setting for String {}
impl Setting for bool {}
impl Setting for u64 {}
impl Setting for i64 {}
impl Setting for f64 {}

impl<T> Setting for Option<T> {
    fn is_blank(&self) -> bool {
        self.is_none()
    }
}

/// A list or map whose key has no value is empty: its items may be commented out.
macro_rules! several {
    ($([$($param:ident)*] $type:ty,)*) => {$(
        impl<$($param),*> Setting for $type {
            fn is_blank(&self) -> bool {
                self.is_empty()
            }

            fn read<'de, Des: Deserializer<'de>>(deserializer: Des) -> Result<Self, Des::Error>
            where
                Self: Deserialize<'de>,
            {
                Option::<Self>::deserialize(deserializer).map(Option::unwrap_or_default)
            }
        }
    )*};
}

several! { [T] Vec<T>, [K V] BTreeMap<K, V>, [] crate::matcher::Matchers, }

/// A section: `Name { key: Type = default, .. }`; without a default it is the type's.
macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident { $($field:ident $(as $key:literal)? : $type:ty $(= $default:expr)?,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                #[doc = concat!("The key `", stringify!($field), "`, as Alertmanager documents it.")]
                #[serde(
                    $(rename = $key,)?
                    deserialize_with = "crate::config::settings::Setting::read",
                    skip_serializing_if = "crate::config::settings::Setting::is_blank",
                )]
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
