/// Declares views: a struct, how it is read, and its [`Message`], from one list of fields with their
/// kinds and numbers.
macro_rules! views {
    (@one $(#[$doc:meta])* $vis:vis struct $name:ident [$($own:tt)*] [$l:lifetime] [$view:lifetime] {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $number:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        $vis struct $name $($own)* {
            $($(#[$field_doc])* pub $field: <$kind as $crate::pb::Kind<$l>>::Out,)*
        }

        impl $($own)* $name $($own)* {
            const MESSAGE: $crate::pb::Message = $crate::pb::Message {
                name: stringify!($name),
                fields: &[$($crate::pb::Field {
                    number: $number,
                    name: stringify!($field),
                    shape: <$kind as $crate::pb::Kind<$l>>::SHAPE,
                },)*],
            };
        }

        impl<$view> $crate::pb::View<$view> for $name $($own)* {
            fn message() -> &'static $crate::pb::Message {
                &Self::MESSAGE
            }

            #[inline]
            fn parse(mut reader: $crate::pb::Reader<$view>) -> Result<Self, $crate::pb::Error> {
                $(let mut $field = <$kind as $crate::pb::Kind<$view>>::absent(reader);)*
                loop {
                    let start = reader.rest();
                    let Some(tag) = reader.tag()? else { break };
                    match tag.number() {
                        $($number => <$kind as $crate::pb::Kind<$view>>::take(&mut $field, start, tag, &mut reader)?,)*
                        _ => reader.skip(tag)?,
                    }
                }
                Ok(Self { $($field,)* })
            }
        }
    };
    (@choose [] $(#[$doc:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::pb::views!(@one $(#[$doc])* $vis struct $name [] ['static] ['v] { $($fields)* });
    };
    (@choose [$l:lifetime] $(#[$doc:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::pb::views!(@one $(#[$doc])* $vis struct $name [<$l>] [$l] [$l] { $($fields)* });
    };
    ($($(#[$doc:meta])* $vis:vis struct $name:ident $(<$l:lifetime>)? { $($fields:tt)* })*) => {
        $($crate::pb::views!(@choose [$($l)?] $(#[$doc])* $vis struct $name { $($fields)* });)*
    };
}
pub(crate) use views;
