//! What must be in a text for it to match.

use regex_syntax::hir::{Hir, HirKind};

use crate::{parsed, translate};

/// The texts that are within whatever an expression matches, as it may match anywhere: none if there are alternatives, if case
/// does not matter, or if it is no expression.
pub fn literals(pattern: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(parsed) = translate::translated(pattern).and_then(|translated| parsed(&translated)) {
        collect(&parsed, &mut found);
    }
    found
}

/// The depth is bounded by that of what is parsed.
fn collect(part: &Hir, found: &mut Vec<String>) {
    match part.kind() {
        HirKind::Literal(literal) => found.extend(str::from_utf8(&literal.0).map(str::to_owned)),
        HirKind::Capture(group) => collect(&group.sub, found),
        HirKind::Repetition(repeated) if repeated.min > 0 => collect(&repeated.sub, found),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, found)),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => {}
    }
}
