/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets the target label to the replacement, if the expression matches.
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops what is not as the target label.
    KeepEqual,
    /// Drops what is as the target label.
    DropEqual,
    /// Sets the target label to a hash modulo `modulus`.
    HashMod,
    /// Copies labels whose name matches.
    LabelMap,
    /// Takes labels away whose name matches.
    LabelDrop,
    /// Takes labels away whose name does not match.
    LabelKeep,
    /// Sets the target label to small letters.
    Lowercase,
    /// Sets the target label to capital letters.
    Uppercase,
}

impl Action {
    const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// Its name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }

    /// The action with a name, in any case.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(name))
    }

    /// Whether it writes a target label, or compares with it.
    pub(super) const fn has_target(self) -> bool {
        matches!(
            self,
            Self::Replace | Self::HashMod | Self::Lowercase | Self::Uppercase | Self::KeepEqual | Self::DropEqual
        )
    }

    /// Whether a replacement means something to it; with others one is a mistake if it is not the default.
    pub(super) const fn refuses_replacement(self) -> bool {
        matches!(self, Self::Lowercase | Self::Uppercase | Self::KeepEqual | Self::DropEqual)
    }
}
