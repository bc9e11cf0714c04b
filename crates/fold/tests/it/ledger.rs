use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use base::Marked;
use fold::{DocumentRef, Fold, FoldError, Found, Outputs, PartWriter, Parts};
use model::rows::{Scope, Summary};
use model::{Record, Verdict};

/// How it can be wrong, so that the suite can be shown to notice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// It does not say that a part has changed.
    Silent,
    /// It does not say that a part is gone.
    Clings,
    /// It begins with what it had.
    Mixes,
    /// It leaves out the first of what comes after a part.
    Skips,
}

/// Keeps what scopes last reported; one that reports nothing is forgotten. It is saved in parts.
#[derive(Default)]
pub struct Ledger {
    fault: Fault,
    total: i64,
    scopes: Marked<String, i64>,
    /// How many parts its head says that there are.
    said: usize,
    /// It saves all of it at once, as a program of before did.
    is_old: bool,
}

impl Ledger {
    pub fn new(fault: Fault) -> Self {
        Self { fault, ..Self::default() }
    }

    /// That of a program of before.
    pub fn old() -> Self {
        Self { is_old: true, ..Self::default() }
    }
}

impl Fold for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn apply(
        &mut self,
        record: &Record,
        _: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError> {
        let rows = record.rows::<Scope>();
        let rows = rows.map_err(|source| FoldError::Record { fold: "ledger", offset: record.offset, source })?;
        for row in rows {
            self.total += row.resources;
            let Scope { scope, resources, .. } = row;
            let unmarked = |it: &Self| it.scopes.iter().map(|(scope, count)| (scope.clone(), *count)).collect();
            if resources % 5 == 0 {
                self.scopes.remove(&scope);
                if self.fault == Fault::Clings {
                    self.scopes = unmarked(self);
                }
            } else {
                self.scopes.insert(scope.clone(), resources);
                if self.fault == Fault::Silent {
                    self.scopes = unmarked(self);
                }
            }
            let count = self.total + self.scopes.values().sum::<i64>();
            outputs
                .push(&scope, &[Summary { time: record.time, scope: scope.clone(), verdict: Verdict::InSync, count }])
                .unwrap();
        }
        Ok(())
    }

    fn checkpoint(&self) -> Vec<u8> {
        if self.is_old {
            return serde_json::to_vec(&(self.total, &*self.scopes)).unwrap();
        }
        fold::whole(self)
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        if self.is_old { None } else { Some(self) }
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        let restored = match fold::take_whole(self, state) {
            Ok(false) => self.restore_old(state),
            taken => taken.map(drop),
        };
        if restored.is_err() {
            *self = Self { is_old: self.is_old, ..Self::new(self.fault) };
        }
        restored.map_err(|problem| FoldError::Checkpoint { fold: "ledger", problem })
    }
}

impl Ledger {
    fn restore_old(&mut self, state: &[u8]) -> Result<(), String> {
        let (total, scopes): (i64, BTreeMap<String, i64>) =
            serde_json::from_slice(state).map_err(|error| error.to_string())?;
        (self.total, self.scopes) = (total, scopes.into_iter().collect());
        Ok(())
    }
}

impl Parts for Ledger {
    fn head(&self) -> Vec<u8> {
        serde_json::to_vec(&(self.total, self.scopes.len())).unwrap()
    }

    fn changed(&mut self, out: &mut PartWriter) {
        while !out.is_full()
            && let Some(scope) = self.scopes.next_mark()
        {
            match self.scopes.get(&scope) {
                Some(count) => out.put(scope.as_bytes(), count.to_string().as_bytes()),
                None => out.gone(scope.as_bytes()),
            }
        }
    }

    fn rest(&self, after: &[u8], out: &mut PartWriter) {
        let after = String::from_utf8(after.to_vec()).unwrap();
        let skipped = usize::from(self.fault == Fault::Skips && !after.is_empty());
        for (scope, count) in self.scopes.range((Bound::Excluded(after), Bound::Unbounded)).skip(skipped) {
            if out.is_full() {
                return;
            }
            out.put(scope.as_bytes(), count.to_string().as_bytes());
        }
    }

    fn begin(&mut self, head: &[u8]) -> Result<(), String> {
        (self.total, self.said) = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        if self.fault != Fault::Mixes {
            self.scopes = Marked::default();
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], text: &[u8]) -> Result<(), String> {
        let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string());
        let count = read(text)?.parse::<i64>().map_err(|error| error.to_string())?;
        self.scopes.insert(read(key)?, count);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        self.scopes.unmark();
        if self.scopes.len() == self.said { Ok(()) } else { Err(format!("{} parts are missing", self.said)) }
    }
}
